import { expect } from '@jest/globals';
import type { WorkerWorld } from '../worker-world.js';
import { AgentPool } from './agent-pool.js';
import { type ArmedWorker, type Ending, startArmedWorker } from './armed-worker.js';
import { Invariants } from './invariants.js';
import type { Adapter, Operation } from './operations.js';
import { type Passed, type Spot, chosen, endPoints, killPoints, nameOf } from './points.js';

/** From the start of the next worker to every agent's being where its owner wants it. */
export const CONVERGED_WITHIN_MS = 30_000;
/** Until an operation is over, or all agents are at their points: as long as a busy machine may take. */
const OPERATION_MS = 60_000;

/** What became of agents whose worker was killed. */
export interface Outcome {
  /** Where it was killed. */
  readonly points: string[];
  /** One line for each agent that is not as it should be. */
  readonly failures: string[];
  /** Points that an agent did not come to. */
  readonly missed: string[];
}

/** How much is tried. */
export interface Effort {
  /** Agents in the midst of an operation when the worker dies. */
  readonly atOnce: number;
  /** Of the points that earlier operations were killed at, one in so many is tried again. */
  readonly againEvery: number;
}

/** One worker, killed again and again, and the agents that have to survive it. */
export class Survivors {
  trial = 0;
  readonly tried = new Set<string>();
  private worker: ArmedWorker | undefined;
  private readonly pool: AgentPool;
  private readonly invariants = new Invariants(this);

  constructor(
    readonly world: WorkerWorld,
    readonly adapter: Adapter,
    private readonly effort: Effort,
  ) {
    this.pool = new AgentPool(world, adapter, effort.atOnce + 1);
  }

  async open(): Promise<void> {
    this.worker = await startArmedWorker(this.world, this.adapter.environment);
  }

  /** Finds the points of operations that are done side by side, and ends the worker at each of those that are chosen. */
  async prove(operations: readonly Operation[], by: Ending = 'SIGKILL'): Promise<Outcome> {
    const traces = await this.discover(operations);
    const spots = this.choose(operations, traces, by);
    for (const { point } of spots) this.tried.add(point);
    const [failures, missed]: [string[], string[]] = [[], []];
    for (let first = 0; first < spots.length; first += this.effort.atOnce) {
      const outcome = await this.survive(spots.slice(first, first + this.effort.atOnce), by);
      failures.push(...outcome.failures);
      missed.push(...outcome.missed);
    }
    for (const [nr, operation] of operations.entries()) {
      const count = spots.filter((spot) => spot.operation === operation).length;
      process.stdout.write(`${operation.name}: ${by} at ${count} of ${traces[nr]!.length} points\n`);
    }
    return { points: spots.map(nameOf), failures, missed };
  }

  /** Runs each operation once, and nothing happens to the worker. @returns what it passed on each one's way */
  private async discover(operations: readonly Operation[]): Promise<(readonly Passed[])[]> {
    this.trial++;
    const agents = await Promise.all(operations.map(({ from }) => this.pool.take(from)));
    await this.worker!.arm(agents.map((agentId) => ({ agentId })));
    const until = Date.now() + OPERATION_MS;
    await Promise.all(
      operations.map(async (operation, nr) => {
        await operation.run(this, agents[nr]!);
        await this.invariants.stands(operation, agents[nr]!, until);
      }),
    );
    const report = await this.worker!.report();
    for (const [nr, operation] of operations.entries()) {
      await this.invariants.learn(operation.to, agents[nr]!);
      await this.pool.leave(operation, agents[nr]!);
    }
    return agents.map((agentId) => report[agentId]!.trace);
  }

  private choose(operations: readonly Operation[], traces: readonly (readonly Passed[])[], by: Ending): Spot[] {
    const ways = operations.map((operation, nr) => ({
      operation,
      points: by === 'SIGTERM' ? endPoints(traces[nr]!, this.effort) : killPoints(traces[nr]!),
    }));
    if (by === 'SIGKILL') return chosen(ways, { ...this.effort, tried: this.tried });
    return ways.flatMap(({ operation, points }) => points.map((point) => ({ operation, point })));
  }

  /** Runs the operation of each spot on an agent of its own; the worker ends when each is at its own point. */
  private async survive(spots: readonly Spot[], by: Ending): Promise<Omit<Outcome, 'points'>> {
    this.trial++;
    const agents = await Promise.all(spots.map(({ operation }) => this.pool.take(operation.from)));
    const before = new Map<string, string[]>();
    for (const id of agents) before.set(id, await this.adapter.running(id));
    await this.worker!.arm(
      agents.map((agentId, nr) => ({ agentId, point: spots[nr]!.point })),
      by,
    );
    await Promise.all(agents.map((id, nr) => spots[nr]!.operation.run(this, id)));
    const missed = await this.worker!.died(OPERATION_MS);
    await this.open();
    const until = Date.now() + CONVERGED_WITHIN_MS;
    const failures = await Promise.all(
      spots.map(async (spot, nr) => {
        const agentId = agents[nr]!;
        try {
          await this.invariants.stands(spot.operation, agentId, until);
          await this.invariants.isWhole(spot.operation, agentId, before.get(agentId)!);
          await this.pool.leave(spot.operation, agentId);
          return [];
        } catch (error) {
          return [`${nameOf(spot)} — ${(error as Error).message}`];
        }
      }),
    );
    return { failures: failures.flat(), missed };
  }
}

/** @throws when an agent is not as it should be, or hardly any came to where it was to be */
export function expectSurvival({ points, failures, missed }: Outcome): void {
  expect(failures).toEqual([]);
  // what goes on beside takes an effect away now and then
  expect(missed.length).toBeLessThanOrEqual(Math.ceil(points.length / 10));
}
