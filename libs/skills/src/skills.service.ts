import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { type Caller, type Page, requireScope } from '#libs/kernel';
import { AgentSkillsRepository } from './agent-skills.repository.js';
import { compareVersions } from './front-matter.js';
import type { CatalogueSkill, SearchSkills, SkillFile } from './skill.js';
import { unpackSkill } from './skill-archive.js';
import { scanSkill } from './scan/index.js';
import { parseSkill } from './skill-folder.js';
import {
  customLimitReached,
  skillExists,
  skillInUse,
  skillNotFound,
  skillQuarantined,
  versionNotHigher,
} from './skills.errors.js';
import { SkillsRepository } from './skills.repository.js';

const MOST_CUSTOM_SKILLS = 500;

/** What is uploaded: the files themselves, or a `.tar` or `.tar.gz` of them. */
export type SkillUpload = { readonly files: readonly SkillFile[] } | { readonly archive: Buffer };

/** The catalogue: verified skills, which all organisations see, and those that an organisation uploaded for itself. */
@Injectable()
export class SkillsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SkillsRepository) private readonly skills: SkillsRepository,
    @Inject(AgentSkillsRepository) private readonly installs: AgentSkillsRepository,
  ) {}

  /** Best match first, then what most agents have. */
  async search(caller: Caller, query: SearchSkills): Promise<Page<CatalogueSkill>> {
    requireScope(caller, 'skills');
    return this.skills.search(caller, query);
  }

  /** @throws DomainError `not_found`. */
  async get(caller: Caller, id: string): Promise<CatalogueSkill> {
    requireScope(caller, 'skills');
    return this.found(caller, id);
  }

  /**
   * Adds a skill to the organisation's catalogue, or a higher version of it; agents that have it keep what they have. The
   * same content again changes nothing.
   * @throws DomainError `validation`; `conflict` for the name of a verified skill and a version that is not higher;
   * `plan_limit` above 500; `unprocessable` code `skill_quarantined` for what the scan finds too dangerous.
   */
  async upload(caller: Caller, upload: SkillUpload): Promise<CatalogueSkill> {
    requireScope(caller, 'skills');
    const skill = parseSkill('archive' in upload ? await unpackSkill(upload.archive) : upload.files);
    const { verdict, reasons } = scanSkill(skill);
    if (verdict === 'quarantine') throw skillQuarantined(reasons);
    await this.database.transaction(async (tx) => {
      await this.skills.lock(tx, caller.orgId);
      const present = await this.skills.find(caller, skill.id, undefined, tx);
      if (present?.trustLevel === 'verified') throw skillExists(skill.id);
      if (present?.digest === skill.digest) return;
      if (present && compareVersions(skill.version, present.version) <= 0) throw versionNotHigher(present.version);
      if (!present && (await this.skills.count(tx, caller.orgId)) >= MOST_CUSTOM_SKILLS) {
        throw customLimitReached(MOST_CUSTOM_SKILLS);
      }
      await this.skills.save(tx, caller.orgId, 'custom', skill, { kind: 'upload' });
    });
    return this.found(caller, skill.id);
  }

  /** Takes an own skill out of the catalogue. @throws DomainError `not_found`, `conflict` while an agent has it. */
  async remove(caller: Caller, id: string): Promise<void> {
    requireScope(caller, 'skills');
    await this.database.transaction(async (tx) => {
      await this.skills.lock(tx, caller.orgId);
      const skill = await this.skills.find(caller, id, 'custom');
      if (!skill) throw skillNotFound();
      const agents = await this.installs.users(tx, skill.key);
      if (agents > 0) throw skillInUse(agents);
      await this.skills.remove(tx, caller, skill.key);
    });
  }

  private async found(caller: Caller, id: string): Promise<CatalogueSkill> {
    const skill = /^[a-z0-9-]{1,64}$/.test(id) ? await this.skills.find(caller, id) : undefined;
    if (!skill) throw skillNotFound();
    return skill;
  }
}
