import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerProcess, WorkerWorld } from '../worker-world.js';
import type { Passed } from './points.js';

const LOOK_EVERY_MS = 250;
/** Nothing more happens when nothing has happened for so long. */
const USUALLY_QUIET_MS = 5_000;
const PRELOAD = join(process.cwd(), 'test/faults/failpoints/preload.mjs');

/** How a worker ends: it dies, or is asked to, and lets what is under way end. */
export type Ending = 'SIGKILL' | 'SIGTERM';

/** An agent, and where it is to be when the worker dies; without a point its way is recorded. */
export interface Armed {
  readonly agentId: string;
  readonly point?: string;
  /** It is at its point already: it has no effects. */
  readonly held?: true;
}

interface Report {
  readonly point?: string;
  readonly trace: readonly Passed[];
  readonly parked: boolean;
}

/** A real worker that dies where it is told to. */
export interface ArmedWorker extends WorkerProcess {
  /** @param by what ends the worker when all are at their points */
  arm(agents: readonly Armed[], by?: Ending): Promise<void>;
  /** What the armed agents have passed. */
  report(): Promise<Record<string, Report>>;
  /** Resolves when the worker has ended; names the points that were not reached within the time, or before it was quiet. */
  died(timeoutMs: number, quietMs?: number): Promise<string[]>;
}

const isAlive = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

const missedOf = (reports: Record<string, Report>): string[] =>
  Object.values(reports).flatMap(({ point, parked }) => (point && !parked ? [point] : []));

const sum = (reports: readonly Report[]): number => reports.reduce((total, { trace }) => total + trace.length, 0);

export async function startArmedWorker(
  world: WorkerWorld,
  environment: Record<string, string> = {},
): Promise<ArmedWorker> {
  const worker = await world.startWorker({ ...environment, NODE_OPTIONS: `--import ${PRELOAD}` });
  const { child } = worker;
  let ending: Ending = 'SIGKILL';
  const ask = (message: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error('The worker has ended'));
      child.once('exit', ended).once('message', (answer) => {
        child.off('exit', ended);
        resolve(answer);
      });
      child.send(message, (error) => error && reject(error));
    });
  const report = async (): Promise<Record<string, Report>> =>
    ((await ask({ report: true })) as { agents: Record<string, Report> }).agents;
  return {
    ...worker,
    arm: async (agents, by = 'SIGKILL') => {
      ending = by;
      await ask({ arm: agents, by });
    },
    report,
    died: async (timeoutMs, quietMs = USUALLY_QUIET_MS) => {
      const until = Date.now() + timeoutMs;
      let [now, passed, quietSinceMs] = [{} as Record<string, Report>, 0, Date.now()];
      while (isAlive(child) && Date.now() < until && Date.now() - quietSinceMs < quietMs) {
        await sleep(LOOK_EVERY_MS);
        if (isAlive(child)) now = await report().catch(() => now);
        const count = sum(Object.values(now));
        if (count !== passed || count === 0) [passed, quietSinceMs] = [count, Date.now()];
      }
      const missed = isAlive(child) ? missedOf(await report()) : [];
      if (isAlive(child)) await worker.end(ending);
      const isAsAsked = ending === 'SIGKILL' ? child.signalCode === 'SIGKILL' : child.exitCode === 0;
      if (!isAsAsked) throw new Error(`The worker ended with ${child.exitCode}:\n${worker.output()}`);
      return missed;
    },
  };
}
