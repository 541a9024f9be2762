import { Inject, Injectable } from '@nestjs/common';
import { agentNotFound } from '#libs/agents';
import { Database, type Tx } from '#libs/database';
import { type Caller, isUuid, newId, prefixedId, requireScope } from '#libs/kernel';
import { type RequestedInstall, SkillPorts, refuseLargeSkills } from '../agent-skills.service.js';
import { compareVersions } from '../front-matter.js';
import { InstallTables, sourceOf } from '../installing/install-commits.js';
import type { FormerSkill } from '../installing/skill-install.js';
import { readKept } from '../skill-folder.js';
import type { CatalogueSkill, InstalledSkill } from '../skill.js';
import {
  installBusy,
  notInstalled,
  skillChangedMeanwhile,
  skillDisabled,
  skillNotFound,
  skillQuarantined,
  versionGoesBack,
} from '../skills.errors.js';
import { INSTALL_SKILL } from '../skills.jobs.js';
import { type KeyedSkill, SkillsRepository } from '../skills.repository.js';
import { type DeclaredChange, type FileChange, declaredChanges, fileChanges } from './skill-diff.js';

const ID = /^[a-z0-9-]{1,64}$/;

/** What an update would bring to an agent. */
export interface SkillUpdate {
  readonly installed: InstalledSkill;
  /** What the catalogue has now at the level that the skill was installed with. */
  readonly latest: CatalogueSkill;
  /** The catalogue has a higher version. */
  readonly isAvailable: boolean;
  readonly files: readonly FileChange[];
  readonly declared: readonly DeclaredChange[];
}

/** Brings the catalogue's present content to an agent that has an older one; nothing does it by itself. */
@Injectable()
export class SkillUpdates {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SkillsRepository) private readonly skills: SkillsRepository,
    @Inject(InstallTables) private readonly tables: InstallTables,
    @Inject(SkillPorts) private readonly ports: SkillPorts,
  ) {}

  /** What would change. @throws DomainError `not_found` for the agent, its skill, and a skill that the catalogue has no more. */
  async preview(caller: Caller, agentId: string, skillId: string): Promise<SkillUpdate> {
    requireScope(caller, 'skills');
    const installed = await this.installed(caller, agentId, skillId);
    const latest = await this.skills.find(caller, skillId, installed.trustLevel);
    if (!latest) throw skillNotFound();
    const [old, present] = await Promise.all(
      [installed, latest].map(({ digest }) => this.tables.contents.manifest(digest)),
    );
    const before = readKept((await this.tables.contents.files(installed.digest)) ?? []);
    return {
      installed,
      latest,
      isAvailable: compareVersions(latest.version, installed.version) > 0,
      files: fileChanges(old ?? [], present ?? []),
      declared: before ? declaredChanges(before, latest) : [],
    };
  }

  /**
   * Has the agent's host put the catalogue's present content in the place of the one the agent has; when that fails the agent keeps
   * what it had. `AgentSkillsService.settle` waits for it. What the agent has already changes nothing.
   * @param digest what is expected to come: anything else is refused
   * @param id for a request that may be repeated
   * @throws DomainError as `preview` and `AgentSkillsService.install`; `conflict` for a lower version, for another content than
   * was expected, and while the skill is being installed
   */
  async update(
    caller: Caller,
    agentId: string,
    skillId: string,
    digest: string | undefined,
    id: string = newId(),
  ): Promise<RequestedInstall> {
    requireScope(caller, 'skills');
    const { trustLevel } = await this.installed(caller, agentId, skillId);
    const installId = prefixedId('si', id);
    const requested = { installId, agentId, skillId, hasHost: true };
    if (await this.tables.installs.find(caller, installId)) return requested;
    return this.database.transaction(async (tx) => {
      const skill = await this.skills.find(caller, skillId, trustLevel, tx);
      if (!skill) throw skillNotFound();
      const isDisabled = await this.tables.disabled.isDisabled(tx, caller, skill.digest);
      const agent = await this.tables.agents.hold(tx, caller, agentId);
      if (!agent) throw agentNotFound();
      const installed = await this.tables.agents.find(caller, agentId, skillId, tx);
      if (!installed) throw notInstalled();
      if (digest !== undefined && digest !== skill.digest) throw skillChangedMeanwhile(skill.digest);
      if (installed.digest === skill.digest) return { ...requested, hasHost: false };
      refuse(skill, installed, isDisabled);
      const replaced = await this.tables.agents.load(tx, caller, agentId, { skillId, digest: skill.digest });
      refuseLargeSkills(replaced);
      const former = await this.former(tx, caller, agentId, installed);
      const install = { id: installId, agentId, skill, former, requestedBy: caller.subject };
      if (!(await this.tables.installs.open(tx, caller, install))) throw installBusy();
      const { hostId, incarnation } = agent;
      if (hostId === null || incarnation === null) return { ...requested, hasHost: false };
      await this.ports.ringer.ring(tx, INSTALL_SKILL, { installId, incarnation }, { hostId });
      return requested;
    });
  }

  private async installed(caller: Caller, agentId: string, skillId: string): Promise<InstalledSkill> {
    if (!isUuid(agentId)) throw agentNotFound();
    const skill = ID.test(skillId) ? await this.tables.agents.find(caller, agentId, skillId) : undefined;
    if (!skill) throw (await this.tables.agents.list(caller, agentId)) ? notInstalled() : agentNotFound();
    return skill;
  }

  private async former(tx: Tx, caller: Caller, agentId: string, installed: InstalledSkill): Promise<FormerSkill> {
    const { skillKey, name, version, digest } = installed;
    const hosts = await this.ports.egress.approvedBy(tx, caller, agentId, sourceOf(installed.skillId));
    return { skillKey, name, version, digest, hosts };
  }
}

function refuse(skill: KeyedSkill, installed: InstalledSkill, isDisabled: boolean): void {
  if (installed.state === 'installing') throw installBusy();
  if (compareVersions(skill.version, installed.version) <= 0) throw versionGoesBack(installed.version, skill.version);
  if (skill.verdict === 'quarantine') throw skillQuarantined(skill.reasons);
  if (isDisabled) throw skillDisabled();
}
