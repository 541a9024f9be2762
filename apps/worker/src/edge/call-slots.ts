import type { ServerResponse } from 'node:http';
import { DomainError } from '#libs/kernel';

/** How many model calls of each agent are under way at this edge; nothing is kept of an agent that makes none. */
export class CallSlots {
  private readonly taken = new Map<string, number>();

  constructor(private readonly mostPerAgent: number) {}

  /**
   * Takes a slot until the exchange is over, however it ends.
   * @throws DomainError `rate_limited`, code `too_many_calls`, when all of the agent's are taken.
   */
  take(agentId: string, res: ServerResponse): void {
    const calls = this.taken.get(agentId) ?? 0;
    if (calls >= this.mostPerAgent) throw tooManyCalls(this.mostPerAgent);
    if (res.destroyed) return;
    this.taken.set(agentId, calls + 1);
    res.once('close', () => this.free(agentId));
  }

  private free(agentId: string): void {
    const left = (this.taken.get(agentId) ?? 1) - 1;
    if (left > 0) this.taken.set(agentId, left);
    else this.taken.delete(agentId);
  }
}

const tooManyCalls = (most: number): DomainError =>
  new DomainError(
    'rate_limited',
    'too_many_calls',
    `This agent has ${most} model calls under way already; wait until one has ended, or raise EDGE_CALLS_PER_AGENT`,
  );
