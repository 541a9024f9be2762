import { Inject, Injectable } from '@nestjs/common';
import { Notices } from '#libs/events';
import {
  type Caller,
  DomainError,
  type Page,
  type Scope,
  invalid,
  isUuid,
  requireScope,
  roleAtLeast,
} from '#libs/kernel';
import { AgentCommands } from './agent-commands.js';
import { AgentCreation, checkedName, checkedPersona } from './agent-creation.js';
import { AgentImages } from './agent-images.js';
import { AgentExplainer } from './agent-explainer.js';
import { AgentLiveStatus } from './agent-live-status.js';
import { type AgentCommand, isSettled } from './agent.state.js';
import type {
  Agent,
  AgentExplanation,
  AgentUsage,
  AlongWith,
  CreateAgent,
  GatewayTarget,
  ListAgents,
  LiveStatus,
  UpdateAgent,
} from './agent.js';
import { agentNotFound, notTheOwner, otherWorkspace } from './agents.errors.js';
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
    @Inject(AgentImages) readonly images: AgentImages,
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
   * @param also - writes of the same transaction.
   * @throws DomainError `validation`, `not_found` (swarm), `plan_limit`, `no_capacity`.
   */
  async create(caller: Caller, input: CreateAgent, id?: string, also?: AlongWith): Promise<Agent> {
    requireScope(caller, 'agents:write');
    const made = id === undefined ? undefined : await this.agents.progress(caller, id);
    return made?.agent ?? this.found(caller, await this.writes.creation.create(caller, input, id, also));
  }

  async get(caller: Caller, id: string): Promise<Agent> {
    requireScope(caller, 'agents:read');
    return this.found(caller, id);
  }

  /**
   * As {@link get}, for a surface that tells another organisation's agent from a missing one.
   * @throws DomainError `not_found`; `forbidden` code `other_workspace`.
   */
  async getOrForbid(caller: Caller, id: string): Promise<Agent> {
    requireScope(caller, 'agents:read');
    const agent = isUuid(id) ? await this.agents.find(caller, id) : undefined;
    if (agent) return agent;
    if (isUuid(id) && (await this.agents.isElsewhere(caller, id))) throw otherWorkspace();
    throw agentNotFound();
  }

  /**
   * The agent, for a surface that lets only its maker, admins and owners change it.
   * @throws DomainError `not_found`; `forbidden` codes `other_workspace` and `not_owner`.
   */
  async getOwn(caller: Caller, id: string): Promise<Agent> {
    requireScope(caller, 'agents:write');
    const agent = await this.getOrForbid({ ...caller, scopes: ['agents:read'] }, id);
    const isMine = agent.createdBy !== null && agent.createdBy === caller.userId;
    if (isMine || roleAtLeast(caller.role, 'ADMIN')) return agent;
    throw notTheOwner();
  }

  /** Newest first. */
  async list(caller: Caller, query: ListAgents = {}): Promise<Page<Agent>> {
    requireScope(caller, 'agents:read');
    if (query.swarmId !== undefined && !isUuid(query.swarmId)) return { items: [], total: 0 };
    return this.agents.list(caller, query);
  }

  /** @throws DomainError `validation` when nothing or something wrong is asked for, `not_found` for agent or swarm. */
  async update(caller: Caller, id: string, change: UpdateAgent, also?: AlongWith): Promise<Agent> {
    requireScope(caller, 'agents:write');
    await this.found(caller, id);
    refuseOutside(caller, change.swarmId);
    const wanted = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as UpdateAgent;
    if (Object.keys(wanted).length === 0 && !also) {
      throw invalid('Nothing to change: give name, avatarUrl, config or swarmId');
    }
    checkedPersona(wanted.persona);
    const named = wanted.name === undefined ? wanted : { ...wanted, name: checkedName(wanted.name) };
    await this.writes.commands.update(caller, id, named, caller.subject, also);
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

  /** Stops a running agent until it is resumed; its files stay. @throws DomainError `conflict` unless it runs. */
  pause(caller: Caller, id: string): Promise<Agent> {
    return this.command(caller, id, 'pause');
  }

  /** Starts a paused agent. @throws DomainError `conflict` unless it is paused. */
  resume(caller: Caller, id: string): Promise<Agent> {
    return this.command(caller, id, 'resume');
  }

  /** Tries again what has failed. @throws DomainError `conflict` unless it has failed or is being provisioned. */
  provision(caller: Caller, id: string): Promise<Agent> {
    return this.command(caller, id, 'provision');
  }

  /** A new instance from the present settings, even when nothing has changed. */
  restart(caller: Caller, id: string): Promise<Agent> {
    return this.command(caller, id, 'restart');
  }

  /**
   * Everything of it that runs is made anew (instance, network, the files that the control plane writes), whatever state it was in;
   * what the agent wrote stays.
   */
  repair(caller: Caller, id: string): Promise<Agent> {
    return this.command(caller, id, 'repair');
  }

  /**
   * The agent forgets what it noted and what was said to it; who it is, its rules, skills and knowledge stay, and so do the stored
   * conversations, which it is not told of again. A running one is made anew, a stopped one stays stopped.
   */
  resetMemory(caller: Caller, id: string): Promise<Agent> {
    return this.command(caller, id, 'reset_memory');
  }

  /**
   * Moves the agent to another image, by default the one that new agents get. When it is not well on that, it is back on the
   * one before without anybody's doing; `why` tells.
   * @throws DomainError `not_found`; `validation` for an image that the operator does not allow.
   */
  async updateImage(caller: Caller, id: string, image?: string): Promise<Agent> {
    requireScope(caller, 'agents:write');
    if (!isUuid(id)) throw agentNotFound();
    await this.writes.images.update(caller, id, image, caller.subject);
    return this.present(caller, id);
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

/** Whose reach is bounded can't move an agent to a swarm beyond it. */
function refuseOutside(caller: Caller, swarmId: string | null | undefined): void {
  if (!caller.dataScope || typeof swarmId !== 'string' || caller.dataScope.includes(swarmId.toLowerCase())) return;
  throw new DomainError('forbidden', 'outside_data_scope', 'This swarm is outside of the data scope of the token');
}
