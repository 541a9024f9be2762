import * as fc from 'fast-check';
import type { Command } from './history.js';
import { type ImageName, IMAGE_NAMES } from './images.js';

/** One command of a client. `replace` deletes the agent of its slot and makes another. */
export interface Step {
  readonly command: Exclude<Command, 'create' | 'delete'> | 'replace';
  /** The place whose agent it is about; agents come and go, places stay. */
  readonly slot: number;
  /** The client leaves when there is no answer by then. */
  readonly patienceMs: number;
  /** Before it. */
  readonly pauseMs: number;
  /** How often a request that has an idempotency key is tried while its outcome is unknown. */
  readonly tries: number;
  /** Of an `update-image`. */
  readonly image: ImageName;
  /** Of a `chat`. */
  readonly onDisconnect: 'cancel' | 'continue';
}

export type Fault = (
  | { readonly victim: 'api' | 'worker' | 'edge'; readonly how: 'kill' | 'freeze' }
  | { readonly victim: 'postgres'; readonly signal: 'SIGKILL' | 'SIGQUIT' }
  | { readonly victim: 'redis'; readonly how: 'kill' | 'flush' }
  | { readonly victim: 'agent'; readonly slot: number }
) & {
  /** Commands that all clients together begin between the fault before and this one. */
  readonly after: number;
  /** Until the victim is started again or, frozen, goes on; agents are not started by us. */
  readonly downMs: number;
};

/** Everything that a run tries, in which order. The clock decides only how far it gets. */
export interface Schedule {
  readonly seed: number;
  readonly queue: 'redis' | 'postgres';
  /** One list a client. */
  readonly steps: readonly (readonly Step[])[];
  readonly faults: readonly Fault[];
}

const WEIGHTS: Readonly<Record<Step['command'], number>> = {
  start: 4,
  restart: 3,
  repair: 2,
  stop: 4,
  pause: 4,
  resume: 5,
  'reset-memory': 2,
  configure: 6,
  'update-image': 3,
  replace: 2,
  chat: 8,
  look: 6,
  explain: 6,
};

const MOST_STEPS = 1_000;
const PATIENT_MS = 25_000;

/** The same seed and sizes give the same schedule, on any machine. */
export function scheduleOf(seed: number, { clients, slots }: { clients: number; slots: number }): Schedule {
  const queue = seed % 2 === 0 ? 'redis' : 'postgres';
  const rounds = sample(fc.tuple(...Array.from({ length: clients }, () => anyStep(slots))), seed);
  return {
    seed,
    queue,
    steps: Array.from({ length: clients }, (_, client) => rounds.map((round) => round[client] as Step)),
    faults: sample(anyFault(slots, queue), seed + 1),
  };
}

const sample = <T>(arbitrary: fc.Arbitrary<T>, seed: number): T[] =>
  fc.sample(fc.noBias(arbitrary), { seed, numRuns: MOST_STEPS });

const between = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

const anyStep = (slots: number): fc.Arbitrary<Step> =>
  fc.record({
    command: fc.oneof(
      ...Object.entries(WEIGHTS).map(([name, weight]) => ({
        weight,
        arbitrary: fc.constant(name as Step['command']),
      })),
    ),
    slot: between(0, slots - 1),
    patienceMs: fc.oneof(
      { weight: 5, arbitrary: fc.constant(PATIENT_MS) },
      { weight: 1, arbitrary: between(20, 1_500) },
    ),
    pauseMs: between(0, 150),
    tries: between(1, 4),
    onDisconnect: fc.constantFrom('cancel', 'continue'),
    image: fc.constantFrom(...IMAGE_NAMES),
  });

function anyFault(slots: number, queue: Schedule['queue']): fc.Arbitrary<Fault> {
  const after = between(4, 16);
  const when = { after, downMs: between(0, 1_500) };
  const frozen = { after, downMs: between(500, 6_000) };
  const victim = <T extends string>(name: T): { victim: fc.Arbitrary<T> } => ({ victim: fc.constant(name) });
  const program = (name: 'api' | 'worker' | 'edge'): fc.Arbitrary<Fault> =>
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ ...victim(name), how: fc.constant<'kill'>('kill'), ...when }) },
      { weight: 1, arbitrary: fc.record({ ...victim(name), how: fc.constant<'freeze'>('freeze'), ...frozen }) },
    );
  const signal = fc.constantFrom<'SIGKILL' | 'SIGQUIT'>('SIGKILL', 'SIGQUIT');
  const how = fc.constantFrom<'kill' | 'flush'>('kill', 'flush');
  return fc.oneof(
    { weight: 5, arbitrary: program('worker') },
    { weight: 4, arbitrary: program('api') },
    { weight: 2, arbitrary: program('edge') },
    { weight: 3, arbitrary: fc.record({ ...victim('postgres'), signal, ...when }) },
    { weight: queue === 'redis' ? 3 : 0, arbitrary: fc.record({ ...victim('redis'), how, ...when }) },
    { weight: 3, arbitrary: fc.record({ ...victim('agent'), slot: between(0, slots - 1), ...when }) },
  );
}
