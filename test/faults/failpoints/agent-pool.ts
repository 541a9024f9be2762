import { randomUUID } from 'node:crypto';
import { eventually } from '#libs/testing';
import type { WorkerWorld } from '../worker-world.js';
import { type Adapter, NOTES, type Operation, type Standing, isStored } from './operations.js';

const PATIENCE = { timeoutMs: 30_000, intervalMs: 100 };

/** Agents between two operations. Each has written notes, which have to outlive everything but its deletion. */
export class AgentPool {
  private readonly standing = new Map<Standing, string[]>();

  constructor(
    private readonly world: WorkerWorld,
    private readonly adapter: Adapter,
    /** No more are kept of a kind. */
    private readonly size: number,
  ) {}

  /** An agent that stands there; a new one when there is none. */
  async take(from: Standing | null): Promise<string> {
    return from === null ? randomUUID() : (this.taken(from) ?? (await this.fresh(from)));
  }

  /** Keeps the agent for the next operation, unless there are enough. */
  async leave({ from, to }: Operation, agentId: string): Promise<void> {
    if (to === 'gone') return;
    if (from === null) await this.adapter.write(agentId, NOTES, agentId);
    const pool = this.standing.get(to) ?? [];
    if (pool.length >= this.size) await this.world.agents.delete(this.world.org.caller, agentId);
    else this.standing.set(to, [...pool, agentId]);
  }

  private taken(from: Standing): string | undefined {
    return this.standing.get(from)?.shift();
  }

  private async fresh(standing: Standing): Promise<string> {
    if (standing === 'new') return this.created();
    if (standing === 'running') return this.stored(this.taken('new') ?? (await this.created()));
    const id = await this.take('running');
    if (standing === 'elsewhere') return this.moved(id);
    await this.world.agents[standing === 'paused' ? 'pause' : 'stop'](this.world.org.caller, id);
    await this.world.reaches(id, 'stopped', PATIENCE.timeoutMs);
    return id;
  }

  private async created(): Promise<string> {
    const { id } = await this.world.create();
    await this.world.reaches(id, 'running', PATIENCE.timeoutMs);
    await this.adapter.bring?.(id, 'running');
    await this.adapter.write(id, NOTES, id);
    return id;
  }

  private async moved(id: string): Promise<string> {
    await this.adapter.bring?.(id, 'elsewhere');
    return id;
  }

  private async stored(id: string): Promise<string> {
    await this.world.query('UPDATE agent_workspaces SET next_sync_at = now() WHERE agent_id = $1', [id]);
    await eventually(() => isStored(this.world, id, NOTES), PATIENCE);
    return id;
  }
}
