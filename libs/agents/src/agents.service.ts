import { Inject, Injectable } from '@nestjs/common';
import { Notices } from '#libs/events';
import { type Caller, type Page, type Scope, invalid, isUuid, requireScope } from '#libs/kernel';
import { AgentCommands } from './agent-commands.js';
import { AgentCreation, checkedName } from './agent-creation.js';
import { AgentExplainer } from './agent-explainer.js';
import { AgentLiveStatus } from './agent-live-status.js';
import { type AgentCommand, isSettled } from './agent.state.js';
import type {
  Agent,
  AgentExplanation,
  AgentUsage,
  CreateAgent,
  GatewayTarget,
  ListAgents,
  LiveStatus,
  UpdateAgent,
} from './agent.js';
import { agentNotFound } from './agents.errors.js';
import { AgentsRepository } from './agents.repository.js';

/** How long to wait for an agent to get where its owner wants it. */
export interface SettleOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The write side of {@link AgentsService}. */
@Injectable()
export class AgentWrites {
  constructor(
    @Inject(AgentCreation) readonly creation: AgentCreation,
    @Inject(AgentCommands) readonly commands: AgentCommands,
  ) {}
}

/**
 * What users do with agents. Commands write what is wanted and return at once; `settle` waits until it is so.
 * An agent of another organisation, and a deleted one, is `not_found` everywhere.
 */
@Injectable()
export class AgentsService {
  constructor(
    @Inject(AgentsRepository) private readonly agents: AgentsRepository,
    @Inject(AgentWrites) private readonly writes: AgentWrites,
    @Inject(AgentExplainer) private readonly explainer: AgentExplainer,
    @Inject(AgentLiveStatus) private readonly live: AgentLiveStatus,
    @Inject(Notices) private readonly notices: Notices,
  ) {}

  /**
   * @param id - for a request that may be repeated: when the organisation has this agent already, it is the answer.
   * @throws DomainError `validation`, `not_found` (swarm), `plan_limit`, `no_capacity`.
   */
  async create(caller: Caller, input: CreateAgent, id?: string): Promise<Agent> {
    requireScope(caller, 'agents:write');
    const made = id === undefined ? undefined : await this.agents.progress(caller, id);
    return made?.agent ?? this.found(caller, await this.writes.creation.create(caller, input, id));
  }

  async get(caller: Caller, id: string): Promise<Agent> {
    requireScope(caller, 'agents:read');
    return this.found(caller, id);
  }

  /** Newest first. */
  async list(caller: Caller, query: ListAgents = {}): Promise<Page<Agent>> {
    requireScope(caller, 'agents:read');
    if (query.swarmId !== undefined && !isUuid(query.swarmId)) return { items: [], total: 0 };
    return this.agents.list(caller, query);
  }

  /** @throws DomainError `validation` when nothing or something wrong is asked for, `not_found` for agent or swarm. */
  async update(caller: Caller, id: string, change: UpdateAgent): Promise<Agent> {
    requireScope(caller, 'agents:write');
    await this.found(caller, id);
    const wanted = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as UpdateAgent;
    if (Object.keys(wanted).length === 0) throw invalid('Nothing to change: give name, avatarUrl, config or swarmId');
    const named = wanted.name === undefined ? wanted : { ...wanted, name: checkedName(wanted.name) };
    await this.writes.commands.update(caller, id, named, caller.subject);
    return this.found(caller, id);
  }

  /** Its secrets are gone at once, instance and data when the host has done it; `settle` waits for that. */
  delete(caller: Caller, id: string): Promise<Agent> {
    return this.command(caller, id, 'delete');
  }

  start(caller: Caller, id: string): Promise<Agent> {
    return this.command(caller, id, 'start');
  }

  stop(caller: Caller, id: string): Promise<Agent> {
    return this.command(caller, id, 'stop');
  }

  /** A new instance from the present settings, even when nothing has changed. */
  restart(caller: Caller, id: string): Promise<Agent> {
    return this.command(caller, id, 'restart');
  }

  /** Waits until the agent is as wanted, has failed, or the time is over; returns it as it is then. */
  async settle(caller: Caller, id: string, options: SettleOptions): Promise<Agent> {
    const settled = await this.notices.until(
      'agent',
      id,
      async () => {
        const progress = await this.agents.progress(caller, id);
        if (!progress) throw agentNotFound();
        return isSettled(progress) || progress.status === 'error' ? progress.agent : undefined;
      },
      options,
    );
    return settled ?? this.present(caller, id);
  }

  /** The last transitions with cause, attempt, next retry and what to do. */
  async why(caller: Caller, id: string): Promise<AgentExplanation> {
    requireScope(caller, 'agents:read');
    await this.found(caller, id);
    return this.explainer.explain(caller, id);
  }

  usage(scope: Scope): Promise<AgentUsage> {
    return this.agents.usage(scope);
  }

  /** @throws DomainError `not_found`, `agent_not_running`. */
  async gatewayTarget(scope: Scope, agentId: string): Promise<GatewayTarget> {
    if (!isUuid(agentId)) throw agentNotFound();
    return this.live.target(scope, agentId);
  }

  async liveStatus(caller: Caller, id: string): Promise<LiveStatus> {
    requireScope(caller, 'agents:read');
    if (!isUuid(id)) throw agentNotFound();
    return this.live.of(caller, id);
  }

  private async command(caller: Caller, id: string, command: AgentCommand): Promise<Agent> {
    requireScope(caller, 'agents:write');
    if (!isUuid(id)) throw agentNotFound();
    await this.writes.commands.run(caller, id, command, caller.subject);
    return this.present(caller, id);
  }

  private async found(scope: Scope, id: string): Promise<Agent> {
    const agent = isUuid(id) ? await this.agents.find(scope, id) : undefined;
    if (!agent) throw agentNotFound();
    return agent;
  }

  /** Deleted ones too: the answer to a delete. */
  private async present(scope: Scope, id: string): Promise<Agent> {
    const progress = await this.agents.progress(scope, id);
    if (!progress) throw agentNotFound();
    return progress.agent;
  }
}
