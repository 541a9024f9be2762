import { Inject, Injectable } from '@nestjs/common';
import { type Agent, AgentsService, type CreateAgent } from '#libs/agents';
import { DirectMessages, type DirectReply } from '#libs/conversations';
import { type HeartbeatChange, type HeartbeatExecution, HeartbeatsService, NO_HEARTBEAT } from '#libs/heartbeats';
import type { Caller, Page, PageRequest } from '#libs/kernel';
import type { UpdateAgentDto } from './agents.dto.js';
import { type HeartbeatAgent, toAgentChange } from './agents.mapper.js';

const LONGEST_WAIT_MS = 20_000;

type Command = 'provision' | 'pause' | 'resume';

/**
 * Agents as this contract guards them: the workspace reads, an agent's owner and admins write. Commands are committed at once; their
 * answers wait, up to 20 s, until the agent is where it was told to go.
 */
@Injectable()
export class OwnedAgents {
  constructor(
    @Inject(AgentsService) private readonly agents: AgentsService,
    @Inject(HeartbeatsService) private readonly heartbeats: HeartbeatsService,
    @Inject(DirectMessages) private readonly messages: DirectMessages,
  ) {}

  async read(caller: Caller, id: string): Promise<HeartbeatAgent> {
    return this.withHeartbeat(caller, await this.agents.getOrForbid(caller, id));
  }

  /** @param id - the agent's, when the request may be repeated. */
  async create(
    caller: Caller,
    wish: { readonly agent: CreateAgent; readonly heartbeat?: HeartbeatChange },
    id: string | undefined,
    signal: AbortSignal,
  ): Promise<HeartbeatAgent> {
    const made = await this.heartbeats.createAgent(caller, wish.agent, wish.heartbeat, id);
    return this.settled(caller, made, signal);
  }

  /** A body without a field changes nothing. */
  async update(caller: Caller, id: string, body: UpdateAgentDto): Promise<HeartbeatAgent> {
    const agent = await this.agents.getOwn(caller, id);
    const { change, heartbeat } = toAgentChange(body);
    const isEmpty = heartbeat === undefined && Object.values(change).every((value) => value === undefined);
    if (isEmpty) return this.withHeartbeat(caller, agent);
    return this.withHeartbeat(caller, await this.heartbeats.updateAgent(caller, id, change, heartbeat));
  }

  async command(caller: Caller, id: string, command: Command, signal: AbortSignal): Promise<HeartbeatAgent> {
    await this.agents.getOwn(caller, id);
    return this.settled(caller, await this.agents[command](caller, id), signal);
  }

  async remove(caller: Caller, id: string, signal: AbortSignal): Promise<void> {
    await this.agents.getOwn(caller, id);
    await this.agents.delete(caller, id);
    await this.agents.settle(caller, id, { timeoutMs: LONGEST_WAIT_MS, signal });
  }

  /** Whoever may chat with it may ask it. */
  async message(
    caller: Caller,
    id: string,
    message: string,
    options: { readonly signal: AbortSignal; readonly runId?: string },
  ): Promise<DirectReply> {
    await this.agents.getOrForbid({ ...caller, scopes: ['agents:read'] }, id);
    return this.messages.send(caller, id, message, options);
  }

  async beats(caller: Caller, id: string, page: PageRequest): Promise<Page<HeartbeatExecution>> {
    await this.agents.getOrForbid(caller, id);
    return this.heartbeats.list(caller, id, page);
  }

  /** @param execution - its id, when the request may be repeated. */
  async beat(caller: Caller, id: string, execution: string | undefined): Promise<HeartbeatExecution> {
    await this.agents.getOwn(caller, id);
    return this.heartbeats.runNow(caller, id, execution);
  }

  async withHeartbeat(caller: Caller, agent: Agent): Promise<HeartbeatAgent> {
    const [found] = await this.withHeartbeats(caller, [agent]);
    return found ?? { agent, heartbeat: NO_HEARTBEAT };
  }

  async withHeartbeats(caller: Caller, agents: readonly Agent[]): Promise<HeartbeatAgent[]> {
    const reader = { ...caller, scopes: ['agents:read' as const] };
    const settings = await this.heartbeats.settingsOf(
      reader,
      agents.map(({ id }) => id),
    );
    return agents.map((agent) => ({ agent, heartbeat: settings.get(agent.id) ?? NO_HEARTBEAT }));
  }

  private async settled(caller: Caller, agent: Agent, signal: AbortSignal): Promise<HeartbeatAgent> {
    const settled = await this.agents.settle(caller, agent.id, { timeoutMs: LONGEST_WAIT_MS, signal });
    return this.withHeartbeat(caller, settled);
  }
}
