import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { type Caller, type Page, requireScope } from '#libs/kernel';
import { AgentSkillsRepository } from './agent-skills.repository.js';
import { compareVersions } from './front-matter.js';
import type { CatalogueSkill, ParsedSkill, SearchSkills, SkillFile, TrustLevel } from './skill.js';
import { unpackSkill } from './skill-archive.js';
import { parseSkill } from './skill-folder.js';
import {
  customLimitReached,
  otherContent,
  skillExists,
  skillInUse,
  skillNotFound,
  versionNotHigher,
} from './skills.errors.js';
import { type SkillOutline, type SkillOverview, SkillOverviewRepository } from './skill-overview.repository.js';
import { SkillsRepository } from './skills.repository.js';
import type { SkillOrigin } from './sources/skill-source.js';
import { SkillSources } from './sources/skill-sources.js';

const MOST_CUSTOM_SKILLS = 500;

/**
 * What is added: the files themselves, an archive of them, the address of such an archive, or a package (`name`, `name@version`).
 * `digest`: what is fetched has to be exactly this content.
 */
export type SkillUpload =
  | { readonly files: readonly SkillFile[] }
  | { readonly archive: Buffer }
  | { readonly url: string; readonly digest?: string | undefined }
  | { readonly npm: string; readonly digest?: string | undefined };

/** What was given, with the level it has in the catalogue of its organisation. */
interface GivenSkill {
  readonly skill: ParsedSkill;
  readonly level: TrustLevel;
  readonly origin: SkillOrigin;
}

/** The catalogue: skills that all organisations see, and those that an organisation added for itself. */
@Injectable()
export class SkillsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SkillsRepository) private readonly skills: SkillsRepository,
    @Inject(AgentSkillsRepository) private readonly installs: AgentSkillsRepository,
    @Inject(SkillSources) private readonly sources: SkillSources,
    @Inject(SkillOverviewRepository) private readonly outlines: SkillOverviewRepository,
  ) {}

  /** Best match first, then what most agents have. */
  async search(caller: Caller, query: SearchSkills): Promise<Page<CatalogueSkill>> {
    requireScope(caller, 'skills');
    return this.skills.search(caller, query);
  }

  /** The catalogue in short; only what may be installed, or may not, where that is said. */
  async overview(caller: Caller, isEligible?: boolean): Promise<SkillOverview> {
    requireScope(caller, 'skills');
    return this.outlines.of(caller, isEligible);
  }

  /** @throws DomainError `not_found`. */
  async outline(caller: Caller, id: string): Promise<SkillOutline> {
    requireScope(caller, 'skills');
    const skill = await this.outlines.find(caller, id);
    if (!skill) throw skillNotFound();
    return skill;
  }

  /** @throws DomainError `not_found`. */
  async get(caller: Caller, id: string): Promise<CatalogueSkill> {
    requireScope(caller, 'skills');
    return this.found(caller, id);
  }

  /**
   * Adds a skill to the organisation's catalogue, or a higher version of it; agents that have it keep what they have. The
   * same content again changes nothing. What the scan quarantines is kept and shown, and can't be installed.
   * @throws DomainError `validation`; `conflict` for the name of another skill and a version that is not higher; `plan_limit` above 500;
   * what its source throws; `unprocessable` when that gives another content than was asked for
   */
  async upload(
    caller: Caller,
    upload: SkillUpload,
    signal: AbortSignal = AbortSignal.any([]),
  ): Promise<CatalogueSkill> {
    requireScope(caller, 'skills');
    const { skill, level, origin } = await this.given(upload, signal);
    await this.database.transaction(async (tx) => {
      await this.skills.lock(tx, caller.orgId);
      const present = await this.skills.find(caller, skill.id, undefined, tx);
      if (present && !(present.isOwn && present.trustLevel === level)) throw skillExists(skill.id, present.trustLevel);
      if (present?.digest === skill.digest) return;
      if (present && compareVersions(skill.version, present.version) <= 0) throw versionNotHigher(present.version);
      if (!present && (await this.skills.count(tx, caller.orgId)) >= MOST_CUSTOM_SKILLS) {
        throw customLimitReached(MOST_CUSTOM_SKILLS);
      }
      await this.skills.save(tx, caller.orgId, level, skill, origin);
    });
    return this.found(caller, skill.id);
  }

  /** Takes an own skill out of the catalogue. @throws DomainError `not_found`, `conflict` while an agent has it. */
  async remove(caller: Caller, id: string): Promise<void> {
    requireScope(caller, 'skills');
    await this.database.transaction(async (tx) => {
      await this.skills.lock(tx, caller.orgId);
      const skill = await this.skills.find(caller, id);
      if (!skill?.isOwn) throw skillNotFound();
      const agents = await this.installs.users(tx, skill.key);
      if (agents > 0) throw skillInUse(agents);
      await this.skills.remove(tx, caller, skill.key);
    });
  }

  private async given(upload: SkillUpload, signal: AbortSignal): Promise<GivenSkill> {
    const uploaded = { level: 'custom', origin: { kind: 'upload' } } as const;
    if ('files' in upload) return { ...uploaded, skill: parseSkill(upload.files) };
    if ('archive' in upload) return { ...uploaded, skill: parseSkill(await unpackSkill(upload.archive)) };
    const origin =
      'url' in upload
        ? ({ kind: 'archive', url: upload.url } as const)
        : await this.sources.npmPackage(upload.npm, signal);
    const skill = parseSkill(await this.sources.fetch(origin, signal));
    if (upload.digest !== undefined && upload.digest !== skill.digest) throw otherContent(skill.digest);
    return { skill, level: 'clawhub', origin };
  }

  private async found(caller: Caller, id: string): Promise<CatalogueSkill> {
    const skill = /^[a-z0-9-]{1,64}$/.test(id) ? await this.skills.find(caller, id) : undefined;
    if (!skill) throw skillNotFound();
    return skill;
  }
}
