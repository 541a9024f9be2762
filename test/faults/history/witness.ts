import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentProcesses, environmentOf } from '../programs.js';
import type { Doubled, Sighting } from './evidence.js';
import { grouped } from './grouped.js';
import type { World } from './world.js';

const LOOK_EVERY_MS = 100;

const ROWS = `SELECT id AS "agentId", epoch::float8 AS epoch, instance_epoch::float8 AS "instanceEpoch", status FROM agents`;

/** Watches rows and processes while everything happens. */
export class Witness {
  readonly sightings: Sighting[] = [];
  readonly doubled: Doubled[] = [];
  /** Tokens that processes were started with, by agent, in the order in which they were seen. */
  readonly tokens = new Map<string, Set<string>>();
  looks = 0;

  constructor(private readonly world: World) {}

  async watch(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      this.lookAtProcesses();
      await this.lookAtRows().catch(() => undefined); // Postgres is away
      await sleep(LOOK_EVERY_MS);
    }
  }

  private async lookAtRows(): Promise<void> {
    const { rows } = await this.world.pool.query<Sighting>(ROWS);
    this.sightings.push(...rows);
  }

  private lookAtProcesses(): void {
    this.looks++;
    const processes = agentProcesses(this.world.dataDir);
    for (const { pid, agentId } of processes) this.keepToken(agentId, pid);
    for (const [agentId, found] of grouped(processes, (process) => process.agentId)) {
      const stamps = found.map(({ pid }) => startedAt(pid));
      // Read one after the other: only those that still live when all were seen lived at the same time.
      const pids = found.filter(({ pid }, index) => stamps[index] !== undefined && startedAt(pid) === stamps[index]);
      if (pids.length > 1) this.doubled.push({ agentId, pids: pids.map(({ pid }) => pid) });
    }
  }

  private keepToken(agentId: string, pid: number): void {
    const token = environmentOf(pid)?.get('ROOKERY_LLM_TOKEN');
    if (token === undefined) return;
    const tokens = this.tokens.get(agentId) ?? new Set();
    tokens.add(token);
    this.tokens.set(agentId, tokens);
  }
}

/** Tells a process from a later one of the same number; undefined once it has ended. */
function startedAt(pid: number): string | undefined {
  try {
    const [state, ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return state === 'Z' || state === 'X' ? undefined : fields[18];
  } catch {
    return undefined;
  }
}
