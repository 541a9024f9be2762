import { Inject, Injectable } from '@nestjs/common';
import { AgentCommands, EgressPolicy } from '#libs/agents';
import { Database, type Tx } from '#libs/database';
import { AgentSkillsRepository } from '../agent-skills.repository.js';
import { DisabledDigestsRepository } from '../disabling/disabled-digests.repository.js';
import type { SkillTools } from '../skill-tools.js';
import { skillDisabled } from '../skills.errors.js';
import type { ParsedSkill } from '../skill.js';
import { SkillContentsRepository } from '../skill-contents.repository.js';
import { type ClaimedInstall, type InstallError, InstallLostError } from './skill-install.js';
import { SkillInstallsRepository } from './skill-installs.repository.js';
import { SkillPlacementsRepository } from './skill-placements.repository.js';

/** Under which the egress proxy knows who approved a host. */
export const sourceOf = (skillId: string): string => `skill:${skillId}`;

/** What an installation writes into. */
@Injectable()
export class InstallTables {
  constructor(
    @Inject(SkillContentsRepository) readonly contents: SkillContentsRepository,
    @Inject(AgentSkillsRepository) readonly agents: AgentSkillsRepository,
    @Inject(SkillInstallsRepository) readonly installs: SkillInstallsRepository,
    @Inject(SkillPlacementsRepository) readonly placements: SkillPlacementsRepository,
    @Inject(DisabledDigestsRepository) readonly disabled: DisabledDigestsRepository,
  ) {}
}

/** The transactions of an installation. Each asks whether the claim still holds, so a worker that lost it changes nothing. */
@Injectable()
export class InstallCommits {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(InstallTables) private readonly tables: InstallTables,
    @Inject(AgentCommands) private readonly commands: AgentCommands,
    @Inject(EgressPolicy) private readonly egress: EgressPolicy,
  ) {}

  /**
   * Keeps the content and makes it the agent's: from now on its instances are made with it, and its folder is to be placed.
   * @throws InstallLostError; DomainError code `skill_disabled`
   */
  enable(install: ClaimedInstall, skill: ParsedSkill, tools: SkillTools): Promise<void> {
    const { agentId, skillId } = install;
    return this.database.transaction(async (tx) => {
      const isDisabled = await this.tables.disabled.isDisabled(tx, install, install.digest);
      if (!(await this.tables.agents.hold(tx, install, agentId))) throw new InstallLostError(install.id);
      await this.tables.installs.reach(install, 'placing', tx);
      if (isDisabled) throw skillDisabled();
      await this.tables.contents.keep(tx, skill, { withFiles: true });
      if (!(await this.tables.agents.enable(tx, install, agentId, { ...install, tools }))) {
        throw new InstallLostError(install.id);
      }
      await this.egress.approve(tx, install, agentId, sourceOf(skillId), skill.permissions.network);
      await this.tables.placements.order(tx, [agentId], skillId);
    });
  }

  /** @throws InstallLostError */
  finish(install: ClaimedInstall): Promise<void> {
    const { agentId, skillId, requestedBy } = install;
    return this.database.transaction(async (tx) => {
      await this.commands.touch(tx, install, agentId, `skills/${skillId}`, requestedBy);
      await this.tables.agents.installed(tx, install, agentId, skillId);
      await this.tables.installs.end(tx, install, null);
    });
  }

  /** Takes back whatever the installation did: the agent has what it had before. @throws InstallLostError */
  rollBack(install: ClaimedInstall, error: InstallError): Promise<void> {
    const { agentId, skillId, former, digest } = install;
    return this.database.transaction(async (tx) => {
      const isDisabled = former !== null && (await this.tables.disabled.isDisabled(tx, install, former.digest));
      await this.tables.agents.hold(tx, install, agentId);
      await this.tables.installs.end(tx, install, error);
      if (former) await this.tables.agents.restore(tx, install, agentId, skillId, { ...former, isDisabled });
      else await this.tables.agents.remove(tx, install, agentId, skillId);
      await this.approveAgain(tx, install, former && !isDisabled ? former.hosts : []);
      await this.tables.placements.order(tx, [agentId], skillId);
      await this.tables.contents.dropUnusedFiles(tx, digest);
    });
  }

  /** None for an agent that went meanwhile. */
  private approveAgain(tx: Tx, install: ClaimedInstall, hosts: readonly string[]): Promise<void> {
    return this.egress.approve(tx, install, install.agentId, sourceOf(install.skillId), hosts);
  }
}
