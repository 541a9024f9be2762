import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#libs/testing';
import { HistoryClient, type Slots } from './client.js';
import type { Evidence } from './evidence.js';
import { Findings } from './findings.js';
import { Recorder } from './history.js';
import { type Fault, type Schedule, scheduleOf } from './schedule.js';
import { Witness } from './witness.js';
import { World } from './world.js';

/** From the moment at which everything runs again until everything is as it was asked for. */
const SETTLED_WITHIN_MS = 30_000;

export interface Size {
  readonly seed: number;
  readonly seconds: number;
  readonly clients: number;
  readonly slots: number;
}

/** What a run did. */
export interface Report {
  readonly evidence: Evidence;
  readonly faults: readonly Fault[];
  /** Still on its way when the time to settle was over. */
  readonly unsettled: readonly string[];
  readonly settledMs: number;
  readonly looks: number;
  readonly output: string;
}

/** Random commands and faults for some seconds, then peace, then what is there. */
export async function runHistory({ seed, seconds, clients, slots }: Size): Promise<Report> {
  const schedule = scheduleOf(seed, { clients, slots });
  const world = await World.open(schedule.queue);
  const recorder = new Recorder();
  const witness = new Witness(world);
  const watched = new AbortController();
  const watching = witness.watch(watched.signal);
  let findings: Findings | undefined;
  try {
    const faults = await trouble(world, recorder, schedule, { seconds, slots });
    await world.isUp();
    findings = await Findings.open(world, recorder, witness);
    const healed = Date.now();
    const unsettled = await settled(findings);
    const settledMs = Date.now() - healed;
    await world.renewWorker();
    const evidence = await findings.evidence();
    return { evidence, faults, unsettled, settledMs, looks: witness.looks, output: world.output() };
  } finally {
    watched.abort();
    await watching;
    await findings?.close();
    await world.close();
  }
}

/** @returns the faults that broke something */
async function trouble(
  world: World,
  recorder: Recorder,
  schedule: Schedule,
  { seconds, slots }: Pick<Size, 'seconds' | 'slots'>,
): Promise<Fault[]> {
  const over = AbortSignal.timeout(seconds * 1_000);
  const places: Slots = Array.from({ length: slots });
  const lanes = schedule.steps.map(async (steps, index) => {
    const client = new HistoryClient(index, world.door, recorder, places);
    for (let slot = index; slot < slots; slot += schedule.steps.length) {
      await client.create(slot, steps[slot] ?? { tries: 1, patienceMs: 10_000 }, over);
    }
    await client.run(steps, over);
  });
  const done: Fault[] = [];
  let due = 0;
  for (const fault of schedule.faults) {
    due += fault.after;
    while (recorder.begun < due && !over.aborted) await sleep(5);
    if (over.aborted) break;
    if (await world.suffer(fault, (slot) => places[slot])) done.push(fault);
  }
  await Promise.all(lanes);
  return done;
}

async function settled(findings: Findings): Promise<string[]> {
  let left: string[] = ['nothing was looked at'];
  await eventually(
    async () => {
      left = await findings.unsettled();
      return left.length === 0;
    },
    { timeoutMs: SETTLED_WITHIN_MS, intervalMs: 200 },
  ).catch(() => undefined);
  return left;
}
