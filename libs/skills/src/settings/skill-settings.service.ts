import { Inject, Injectable } from '@nestjs/common';
import { AgentCommands, AgentsService } from '#libs/agents';
import { Database, type Tx } from '#libs/database';
import { type Caller, requireScope } from '#libs/kernel';
import { SecretsService } from '#libs/secrets';
import { AgentSkillsService } from '../agent-skills.service.js';
import { toolOf } from '../registry/tool-registry.js';
import { alreadyAttached, notAttached, toolNotFound } from '../registry/tools.errors.js';
import { SkillsService } from '../skills.service.js';
import { type SkillSetting, credentialName } from './skill-setting.js';
import { type SaveSetting, SkillSettingsRepository } from './skill-settings.repository.js';

/** Longest wait for the agent's host to install a skill of the catalogue. */
const LONGEST_WAIT_MS = 20_000;

/** How a skill is to be attached. */
export interface AttachSkill {
  readonly name: string;
  readonly isEnabled: boolean;
  /** Undefined: as it is, or empty. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
}

export interface ConfigureSkill extends AttachSkill {
  /** Kept encrypted, never given back: by field. */
  readonly credentials: Readonly<Record<string, string>>;
}

/** What attaching asks of other domains. */
@Injectable()
export class SettingPorts {
  constructor(
    @Inject(AgentsService) readonly agents: AgentsService,
    @Inject(AgentCommands) readonly commands: AgentCommands,
    @Inject(SecretsService) readonly secrets: SecretsService,
    @Inject(SkillsService) readonly catalogue: SkillsService,
    @Inject(AgentSkillsService) readonly installs: AgentSkillsService,
  ) {}
}

/**
 * Tools and skills of one agent, as a surface sees them that keeps an agent to its owner and admins: attached, detached, configured.
 * A skill of the catalogue is installed by that, a tool of the registry is given to the agent's next instance.
 */
@Injectable()
export class SkillSettingsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SettingPorts) private readonly ports: SettingPorts,
    @Inject(SkillSettingsRepository) private readonly settings: SkillSettingsRepository,
  ) {}

  /** @throws DomainError `not_found`, `forbidden` */
  async list(caller: Caller, agentId: string): Promise<SkillSetting[]> {
    requireScope(caller, 'skills');
    await this.ports.agents.getOrForbid({ ...caller, scopes: ['agents:read'] }, agentId);
    return this.settings.list(caller, agentId);
  }

  /** @throws DomainError `not_found` for agent and skill, `forbidden`, `conflict` when it is attached; what installing throws */
  async attach(caller: Caller, agentId: string, wish: AttachSkill, signal: AbortSignal): Promise<SkillSetting> {
    await this.mayChange(caller, agentId);
    if (toolOf(wish.name)) await this.attachTool(caller, agentId, wish);
    else await this.attachSkill(caller, agentId, wish, signal);
    return this.found(caller, agentId, wish.name);
  }

  /** Its credentials go with it. @throws DomainError `not_found`, `forbidden` */
  async detach(caller: Caller, agentId: string, name: string, signal: AbortSignal): Promise<void> {
    await this.mayChange(caller, agentId);
    const setting = await this.found(caller, agentId, name);
    if (setting.kind === 'project') {
      await this.ports.installs.uninstall(caller, agentId, name);
      await this.ports.installs.settleRemoval(caller, agentId, name, { timeoutMs: LONGEST_WAIT_MS, signal });
      return;
    }
    await this.change(caller, agentId, name, async (tx) => {
      if (!(await this.settings.forget(tx, caller, agentId, name))) throw notAttached();
    });
  }

  /**
   * Attaches it where it is not yet.
   * @throws DomainError `not_found` for agent and skill, `forbidden`, `validation` for credentials; what installing throws
   */
  async configure(caller: Caller, agentId: string, wish: ConfigureSkill, signal: AbortSignal): Promise<SkillSetting> {
    await this.mayChange(caller, agentId);
    const { name, credentials, isEnabled } = wish;
    const kind = toolOf(name) ? 'cli' : 'project';
    const secrets = Object.fromEntries(
      Object.entries(credentials).map(([field, value]) => [credentialName(name, field), value]),
    );
    const present = await this.settings.find(caller, agentId, name);
    if (kind === 'project' && !present) await this.attachSkill(caller, agentId, wish, signal);
    await this.change(caller, agentId, name, async (tx) => {
      await this.ports.secrets.put(tx, caller, { kind: 'agent', id: agentId }, secrets);
      await this.settings.save(tx, caller, agentId, toSetting(wish, kind));
    });
    if (kind === 'project') await this.ports.installs.setEnabled(caller, agentId, name, isEnabled);
    return this.found(caller, agentId, name);
  }

  private async attachTool(caller: Caller, agentId: string, wish: AttachSkill): Promise<void> {
    if (await this.settings.find(caller, agentId, wish.name)) throw alreadyAttached();
    await this.change(caller, agentId, wish.name, async (tx) => {
      if (!(await this.settings.add(tx, caller, agentId, toSetting(wish, 'cli')))) throw alreadyAttached();
    });
  }

  private async attachSkill(caller: Caller, agentId: string, wish: AttachSkill, signal: AbortSignal): Promise<void> {
    const { name, isEnabled } = wish;
    const { trustLevel } = await this.ports.catalogue.get(caller, name);
    const requested = await this.ports.installs.install(caller, agentId, name, trustLevel);
    await this.ports.installs.settle(caller, requested, { timeoutMs: LONGEST_WAIT_MS, signal });
    await this.database.transaction((tx) => this.settings.save(tx, caller, agentId, toSetting(wish, 'project')));
    if (!isEnabled) await this.ports.installs.setEnabled(caller, agentId, name, false);
  }

  /** In one transaction with what tells the agent that it needs a restart. */
  private change(caller: Caller, agentId: string, name: string, write: (tx: Tx) => Promise<void>): Promise<void> {
    return this.database.transaction(async (tx) => {
      await this.ports.commands.touch(tx, caller, agentId, `skills/${name}`, caller.subject);
      await write(tx);
    });
  }

  private async mayChange(caller: Caller, agentId: string): Promise<void> {
    requireScope(caller, 'skills');
    await this.ports.agents.getOwn({ ...caller, scopes: ['agents:write'] }, agentId);
  }

  private async found(caller: Caller, agentId: string, name: string): Promise<SkillSetting> {
    const setting = await this.settings.find(caller, agentId, name);
    if (!setting) throw toolNotFound();
    return setting;
  }
}

const toSetting = ({ name, isEnabled, config }: AttachSkill, kind: SkillSetting['kind']): SaveSetting => ({
  ...{ skillName: name, kind, isEnabled, config },
});
