import { AGENT_EVENTS, AgentEvent, type AgentStatus, canMove } from '#libs/agents';
import { eventually } from '#libs/testing';
import { type Bench, NOTES, type Operation, type Standing } from './operations.js';

const LOOK_EVERY_MS = 100;

const STATUS: Readonly<Record<Standing, AgentStatus>> = {
  new: 'running',
  running: 'running',
  stopped: 'stopped',
  paused: 'stopped',
  elsewhere: 'running',
  gone: 'deleted',
};

/** What has to be so of an agent, whatever happened to it. */
export class Invariants {
  /** What is kept for an agent that nothing happened to. */
  private readonly undisturbed = new Map<Standing, string>();

  constructor(private readonly bench: Bench) {}

  /** Remembers what is kept for this one, to which nothing happened. */
  async learn(standing: Standing, agentId: string): Promise<void> {
    if (!this.undisturbed.has(standing)) this.undisturbed.set(standing, await this.kept(agentId));
  }

  /** Waits until the agent is there, and sees more than one instance of it at any time. */
  async stands({ to, holds }: Operation, agentId: string, untilMs: number): Promise<void> {
    const check = async (): Promise<boolean> => {
      const [row] = await this.bench.world.query<{ status: string; wanted: boolean; error: string | null }>(
        `SELECT status, last_error AS error, NOT repair_wanted AND NOT memory_reset_wanted
                AND status = desired_state AND observed_restart_generation = restart_generation AS wanted
           FROM agents WHERE id = $1`,
        [agentId],
      );
      const instances = await this.bench.adapter.running(agentId);
      if (instances.length > 1) throw new TooManyError(`${instances.length} instances ran at once`);
      if (row?.status !== STATUS[to] || !row.wanted) throw new Error(`it is ${row?.status} (${row?.error})`);
      const count = STATUS[to] === 'running' ? 1 : 0;
      if (instances.length !== count) throw new Error(`it is ${to} with ${instances.length} instances`);
      await holds?.(this.bench, agentId);
      return true;
    };
    let many: TooManyError | undefined;
    const settled = (): Promise<boolean> =>
      check().catch((error: Error) => {
        if (error instanceof TooManyError) many = error;
        throw error;
      });
    await eventually(settled, { timeoutMs: Math.max(0, untilMs - Date.now()), intervalMs: LOOK_EVERY_MS });
    if (many) throw many;
  }

  async isWhole({ from, to, renews }: Operation, agentId: string, before: readonly string[]): Promise<void> {
    const expected = to === 'gone' ? '' : this.undisturbed.get(to);
    await eventually(
      async () => {
        const kept = await this.kept(agentId);
        if (kept !== expected) throw new Error(`what is kept for it is [${kept}], not [${expected}]`);
        return true;
      },
      { timeoutMs: 10_000, intervalMs: LOOK_EVERY_MS },
    );
    if (renews && (await this.bench.adapter.running(agentId))[0] === before[0])
      throw new Error('it is the old instance');
    if (from !== null && to !== 'gone' && (await this.bench.adapter.read(agentId, NOTES)) !== agentId)
      throw new Error('its files are lost');
    await this.hasGoneAllowedWays(agentId);
  }

  private async hasGoneAllowedWays(agentId: string): Promise<void> {
    const rows = await this.bench.world.query<{ from: AgentStatus | null; to: AgentStatus }>(
      `SELECT data->>'from' AS from, data->>'to' AS to FROM events
        WHERE thing_kind = $1 AND thing_id = $2 AND type = $3 ORDER BY seq`,
      [AGENT_EVENTS, agentId, AgentEvent.status],
    );
    let at: AgentStatus | null = null;
    for (const { from, to } of rows) {
      if (from !== at || (from !== null && !canMove(from, to))) throw new Error(`it went from ${from} to ${to}`);
      at = to;
    }
  }

  private async kept(agentId: string): Promise<string> {
    return (await this.bench.adapter.kept(agentId)).sort().join(', ');
  }
}

class TooManyError extends Error {}
