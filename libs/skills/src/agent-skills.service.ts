import { Inject, Injectable } from '@nestjs/common';
import { AgentCommands, EgressPolicy, agentNotFound } from '#libs/agents';
import { Database, type Tx } from '#libs/database';
import { OrganisationsService } from '#libs/identity';
import { type Caller, invalid, isUuid, requireScope } from '#libs/kernel';
import { AgentSkillsRepository } from './agent-skills.repository.js';
import { type InstalledSkill, TRUST_LEVELS, type TrustLevel } from './skill.js';
import { alreadyInstalled, notInstalled, skillLimitReached, skillNotFound, skillsTooLarge } from './skills.errors.js';
import { SkillsRepository } from './skills.repository.js';

const MOST_AGENT_FILES = 2_000;
const MOST_AGENT_BYTES = 8 * 1024 * 1024;
const ID = /^[a-z0-9-]{1,64}$/;

/** The other domains that an installation asks. */
@Injectable()
export class SkillPorts {
  constructor(
    @Inject(AgentCommands) readonly commands: AgentCommands,
    @Inject(EgressPolicy) readonly egress: EgressPolicy,
    @Inject(OrganisationsService) readonly organisations: OrganisationsService,
  ) {}
}

/**
 * The skills of an agent: what its next instance gets below `skills/`, on whichever host; a running agent is flagged
 * (`needsRestart`). The content is the one of the moment of the installation.
 */
@Injectable()
export class AgentSkillsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SkillsRepository) private readonly skills: SkillsRepository,
    @Inject(AgentSkillsRepository) private readonly installs: AgentSkillsRepository,
    @Inject(SkillPorts) private readonly ports: SkillPorts,
  ) {}

  /** Newest first. @throws DomainError `not_found`. */
  async list(caller: Caller, agentId: string): Promise<readonly InstalledSkill[]> {
    requireScope(caller, 'skills');
    const installed = isUuid(agentId) ? await this.installs.list(caller, agentId) : undefined;
    if (!installed) throw agentNotFound();
    return installed;
  }

  /**
   * @throws DomainError `not_found` for the agent, and for a skill that is not in the catalogue at that level;
   * `validation` for a level that is none; `conflict` when the agent has it already or has no room; `plan_limit`.
   */
  async install(
    caller: Caller,
    agentId: string,
    skillId: string,
    level: string,
  ): Promise<{ readonly skill: InstalledSkill; readonly needsRestart: boolean }> {
    requireScope(caller, 'skills');
    const trustLevel = checkedLevel(level);
    if (!isUuid(agentId)) throw agentNotFound();
    if (!ID.test(skillId)) throw skillNotFound();
    const { limits } = await this.ports.organisations.account(caller);
    return this.database.transaction(async (tx) => {
      const needsRestart = await this.ports.commands.touch(tx, caller, agentId, `skills/${skillId}`, caller.subject);
      const found = await this.skills.find(caller, skillId, trustLevel, tx);
      if (!found) throw skillNotFound();
      const skill = await this.installs.add(tx, caller, agentId, found, caller.subject);
      if (!skill) throw alreadyInstalled();
      await this.ports.egress.approve(tx, caller, agentId, sourceOf(skillId), found.permissions.network);
      await this.refuseOverLimit(tx, caller, agentId, limits.maxSkillsPerAgent);
      return { skill, needsRestart };
    });
  }

  /** @throws DomainError `not_found` for the agent, and for a skill that it has not. */
  async uninstall(caller: Caller, agentId: string, skillId: string): Promise<{ readonly needsRestart: boolean }> {
    requireScope(caller, 'skills');
    if (!isUuid(agentId)) throw agentNotFound();
    if (!ID.test(skillId)) throw notInstalled();
    return this.database.transaction(async (tx) => {
      const needsRestart = await this.ports.commands.touch(tx, caller, agentId, `skills/${skillId}`, caller.subject);
      if (!(await this.installs.remove(tx, caller, agentId, skillId))) throw notInstalled();
      await this.ports.egress.approve(tx, caller, agentId, sourceOf(skillId), []);
      return { needsRestart };
    });
  }

  /** The new one is counted already. */
  private async refuseOverLimit(tx: Tx, caller: Caller, agentId: string, mostSkills: number): Promise<void> {
    const { skills, files, bytes } = await this.installs.load(tx, caller, agentId);
    if (skills > mostSkills) throw skillLimitReached(mostSkills);
    if (files > MOST_AGENT_FILES || bytes > MOST_AGENT_BYTES) throw skillsTooLarge();
  }
}

/** Under which the egress proxy knows who approved a host. */
const sourceOf = (skillId: string): string => `skill:${skillId}`;

function checkedLevel(level: string): TrustLevel {
  const known = TRUST_LEVELS.find((one) => one === level);
  if (known) return known;
  const message = `must be one of ${TRUST_LEVELS.join(', ')}`;
  throw invalid(`trustLevel ${message}`, [{ path: ['body', 'trustLevel'], message, type: 'enum' }]);
}
