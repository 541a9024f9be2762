import { Inject, Injectable } from '@nestjs/common';
import { AgentCommands, EgressPolicy, agentNotFound } from '#libs/agents';
import { Database, type Tx } from '#libs/database';
import { Notices } from '#libs/events';
import { OrganisationsService } from '#libs/identity';
import { type Caller, DomainError, invalid, isUuid, newId, prefixedId, requireScope } from '#libs/kernel';
import { JobRinger } from '#libs/queue';
import type { SkillLoad } from './agent-skills.repository.js';
import { sourceOf, InstallTables } from './installing/install-commits.js';
import { type SkillInstall, isOpen } from './installing/skill-install.js';
import { INSTALL_TOPIC } from './installing/skill-installs.repository.js';
import { PLACED_TOPIC } from './installing/skill-placements.repository.js';
import { type InstalledSkill, TRUST_LEVELS, type TrustLevel } from './skill.js';
import {
  alreadyInstalled,
  installBusy,
  notInstalled,
  skillDisabled,
  skillLimitReached,
  skillNotFound,
  skillQuarantined,
  skillsTooLarge,
} from './skills.errors.js';
import { INSTALL_SKILL } from './skills.jobs.js';
import { readKept } from './skill-folder.js';
import { SkillsRepository } from './skills.repository.js';
import { SkillSettingsRepository } from './settings/skill-settings.repository.js';

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
    @Inject(JobRinger) readonly ringer: JobRinger,
    @Inject(Notices) readonly notices: Notices,
  ) {}
}

/** How long to wait for the host. */
export interface SettleSkill {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** An installation that was asked for. */
export interface RequestedInstall {
  readonly installId: string;
  readonly agentId: string;
  readonly skillId: string;
  /** No host has the agent yet: there is nobody to wait for. */
  readonly hasHost: boolean;
}

/** A skill on an agent, and the newest installation of it. */
export interface AgentSkill {
  readonly skill: InstalledSkill;
  readonly needsRestart: boolean;
  readonly install: SkillInstall | undefined;
}

/**
 * The skills of an agent. Installing is work for the agent's host, which brings the content into the workspace whether the agent runs
 * or not; the content stays the one of the moment of the installation.
 */
@Injectable()
export class AgentSkillsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SkillsRepository) private readonly skills: SkillsRepository,
    @Inject(InstallTables) private readonly tables: InstallTables,
    @Inject(SkillPorts) private readonly ports: SkillPorts,
    @Inject(SkillSettingsRepository) private readonly settings: SkillSettingsRepository,
  ) {}

  /** Newest first. @throws DomainError `not_found`. */
  async list(caller: Caller, agentId: string): Promise<readonly InstalledSkill[]> {
    requireScope(caller, 'skills');
    const installed = isUuid(agentId) ? await this.tables.agents.list(caller, agentId) : undefined;
    if (!installed) throw agentNotFound();
    return installed;
  }

  /** One skill with the state of its newest installation. @throws DomainError `not_found`. */
  async get(caller: Caller, agentId: string, skillId: string): Promise<AgentSkill> {
    requireScope(caller, 'skills');
    if (!isUuid(agentId)) throw agentNotFound();
    return this.present(caller, agentId, skillId);
  }

  /**
   * Has the agent's host install a skill; `settle` waits for it.
   * @param id - for a request that may be repeated: when there is an installation of this id, it is the answer.
   * @throws DomainError `not_found` for the agent, and for a skill that is not in the catalogue at that level;
   * `validation` for a level that is none; `conflict` when the agent has it already or has no room; `plan_limit`;
   * `unprocessable` for a content that is quarantined or disabled
   */
  async install(
    caller: Caller,
    agentId: string,
    skillId: string,
    level: string,
    id: string = newId(),
  ): Promise<RequestedInstall> {
    requireScope(caller, 'skills');
    const trustLevel = checkedLevel(level);
    if (!isUuid(agentId)) throw agentNotFound();
    if (!ID.test(skillId)) throw skillNotFound();
    const installId = prefixedId('si', id);
    if (await this.tables.installs.find(caller, installId)) return { installId, agentId, skillId, hasHost: true };
    const { limits } = await this.ports.organisations.account(caller);
    return this.database.transaction(async (tx) => {
      const skill = await this.skills.find(caller, skillId, trustLevel, tx);
      const isDisabled = skill !== undefined && (await this.tables.disabled.isDisabled(tx, caller, skill.digest));
      const agent = await this.tables.agents.hold(tx, caller, agentId);
      if (!agent) throw agentNotFound();
      if (!skill) throw skillNotFound();
      if (skill.verdict === 'quarantine') throw skillQuarantined(skill.reasons);
      if (isDisabled) throw skillDisabled();
      if (!(await this.tables.agents.add(tx, caller, agentId, skill, caller.subject))) throw alreadyInstalled();
      await this.refuseOverLimit(tx, caller, agentId, limits.maxSkillsPerAgent);
      const install = { id: installId, agentId, skill, former: null, requestedBy: caller.subject };
      await this.tables.installs.open(tx, caller, install);
      const { hostId, incarnation } = agent;
      if (hostId === null || incarnation === null) return { installId, agentId, skillId, hasHost: false };
      await this.ports.ringer.ring(tx, INSTALL_SKILL, { installId, incarnation }, { hostId });
      return { installId, agentId, skillId, hasHost: true };
    });
  }

  /**
   * Waits until the installation has ended, or the time is over; returns the skill as it is then.
   * @throws what the installation failed with
   */
  async settle(caller: Caller, requested: RequestedInstall, options: SettleSkill): Promise<AgentSkill> {
    const { installId, agentId, skillId, hasHost } = requested;
    const ended = await this.ports.notices.until(
      INSTALL_TOPIC,
      installId,
      async () => {
        const install = await this.tables.installs.find(caller, installId);
        return install && isOpen(install) ? undefined : install;
      },
      hasHost ? options : { ...options, timeoutMs: 0 },
    );
    if (ended?.error) throw new DomainError(ended.error.kind, ended.error.code, ended.error.message);
    return this.present(caller, agentId, skillId);
  }

  /** It is taken back at once; the folder goes when the host has done it, `settleRemoval` waits for that. @throws DomainError `not_found` for the agent, and for a skill that it has not. */
  async uninstall(caller: Caller, agentId: string, skillId: string): Promise<{ readonly needsRestart: boolean }> {
    requireScope(caller, 'skills');
    if (!isUuid(agentId)) throw agentNotFound();
    if (!ID.test(skillId)) throw notInstalled();
    return this.database.transaction(async (tx) => {
      const needsRestart = await this.ports.commands.touch(tx, caller, agentId, `skills/${skillId}`, caller.subject);
      if (!(await this.tables.agents.remove(tx, caller, agentId, skillId))) throw notInstalled();
      await this.settings.forget(tx, caller, agentId, skillId);
      await this.tables.installs.callOff(tx, caller, agentId, skillId, 'The skill was uninstalled meanwhile');
      await this.ports.egress.approve(tx, caller, agentId, sourceOf(skillId), []);
      await this.tables.placements.order(tx, [agentId], skillId);
      return { needsRestart };
    });
  }

  /**
   * Takes a skill from the agent without uninstalling it, or gives it back.
   * @throws DomainError `not_found`; `conflict` while it is being installed; `unprocessable` for a content that is disabled
   */
  async setEnabled(caller: Caller, agentId: string, skillId: string, isEnabled: boolean): Promise<void> {
    requireScope(caller, 'skills');
    await this.database.transaction(async (tx) => {
      await this.tables.agents.hold(tx, caller, agentId);
      const skill = await this.tables.agents.find(caller, agentId, skillId, tx);
      if (!skill) throw notInstalled();
      if (skill.isEnabled === isEnabled) return;
      if (skill.disabledAt) throw skillDisabled();
      if (skill.state === 'installing') throw installBusy();
      await this.ports.commands.touch(tx, caller, agentId, `skills/${skillId}`, caller.subject);
      await this.tables.agents.setEnabled(tx, caller, agentId, skillId, isEnabled);
      const files = isEnabled ? await this.tables.contents.files(skill.digest) : undefined;
      const hosts = (files && readKept(files)?.permissions.network) ?? [];
      await this.ports.egress.approve(tx, caller, agentId, sourceOf(skillId), hosts);
      await this.tables.placements.order(tx, [agentId], skillId);
    });
  }

  async settleRemoval(caller: Caller, agentId: string, skillId: string, options: SettleSkill): Promise<void> {
    const isGone = async (): Promise<true | undefined> =>
      (await this.tables.placements.isOpen(caller, agentId, skillId)) ? undefined : true;
    await this.ports.notices.until(PLACED_TOPIC, agentId, isGone, options);
  }

  private async present(caller: Caller, agentId: string, skillId: string): Promise<AgentSkill> {
    const skill = await this.tables.agents.find(caller, agentId, skillId);
    const install = await this.tables.installs.latest(caller, agentId, skillId);
    if (!skill) {
      throw (await this.tables.agents.list(caller, agentId)) ? notInstalled(install?.error?.message) : agentNotFound();
    }
    return { skill, install, needsRestart: await this.tables.agents.isRunning(caller, agentId) };
  }

  /** The new one is counted already. */
  private async refuseOverLimit(tx: Tx, caller: Caller, agentId: string, mostSkills: number): Promise<void> {
    const load = await this.tables.agents.load(tx, caller, agentId);
    if (load.skills > mostSkills) throw skillLimitReached(mostSkills);
    refuseLargeSkills(load);
  }
}

/** @throws DomainError `conflict` */
export function refuseLargeSkills({ files, bytes }: SkillLoad): void {
  if (files > MOST_AGENT_FILES || bytes > MOST_AGENT_BYTES) throw skillsTooLarge();
}

function checkedLevel(level: string): TrustLevel {
  const known = TRUST_LEVELS.find((one) => one === level);
  if (known) return known;
  const message = `must be one of ${TRUST_LEVELS.join(', ')}`;
  throw invalid(`trustLevel ${message}`, [{ path: ['body', 'trustLevel'], message, type: 'enum' }]);
}
