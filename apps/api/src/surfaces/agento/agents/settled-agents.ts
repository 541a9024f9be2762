import { Inject, Injectable } from '@nestjs/common';
import { type Agent, AgentsService, type CreateAgent } from '#libs/agents';
import type { Caller } from '#libs/kernel';

const LONGEST_WAIT_MS = 20_000;

/**
 * Commands whose answer waits, up to 20 s, until the agent is where it was told to go; later ones answer with the state
 * reached by then. The command itself is committed before the wait: a client that leaves changes nothing about it.
 */
@Injectable()
export class SettledAgents {
  constructor(@Inject(AgentsService) private readonly agents: AgentsService) {}

  /** `id`: the agent's, when the request may be repeated. */
  async create(caller: Caller, create: CreateAgent, id: string | undefined, signal: AbortSignal): Promise<Agent> {
    return this.settled(caller, await this.agents.create(caller, create, id), signal);
  }

  async start(caller: Caller, id: string, signal: AbortSignal): Promise<Agent> {
    return this.settled(caller, await this.agents.start(caller, id), signal);
  }

  async stop(caller: Caller, id: string, signal: AbortSignal): Promise<Agent> {
    return this.settled(caller, await this.agents.stop(caller, id), signal);
  }

  async restart(caller: Caller, id: string, signal: AbortSignal): Promise<Agent> {
    return this.settled(caller, await this.agents.restart(caller, id), signal);
  }

  async repair(caller: Caller, id: string, signal: AbortSignal): Promise<Agent> {
    return this.settled(caller, await this.agents.repair(caller, id), signal);
  }

  async resetMemory(caller: Caller, id: string, signal: AbortSignal): Promise<Agent> {
    return this.settled(caller, await this.agents.resetMemory(caller, id), signal);
  }

  async updateImage(caller: Caller, id: string, image: string | undefined, signal: AbortSignal): Promise<Agent> {
    return this.settled(caller, await this.agents.updateImage(caller, id, image), signal);
  }

  async delete(caller: Caller, id: string, signal: AbortSignal): Promise<Agent> {
    return this.settled(caller, await this.agents.delete(caller, id), signal);
  }

  private settled(caller: Caller, agent: Agent, signal: AbortSignal): Promise<Agent> {
    return this.agents.settle(caller, agent.id, { timeoutMs: LONGEST_WAIT_MS, signal });
  }
}
