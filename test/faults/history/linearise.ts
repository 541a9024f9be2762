import { grouped } from './grouped.js';

/** One call on an object that all clients share. */
export interface Call<Op> {
  readonly op: Op;
  readonly began: number;
  /** Of a call that was not answered: never, since it may still be done. */
  readonly ended: number;
  /** False: nobody knows whether it was done. */
  readonly isCertain: boolean;
  /** Unanswered calls of one kind do the same, so that the one that began first stands for all. */
  readonly kind: string;
}

/** What calls do to the object. `apply` is undefined where the call could not have been answered as it was. */
export interface Model<State, Op> {
  readonly initial: State;
  apply(state: State, op: Op): State | undefined;
  /** The same text for equal states. */
  keyOf(state: State): string;
}

export type Verdict<State, Op> =
  | { readonly kind: 'explained' }
  /** `state` is as far as any order came; none of `next` fits there. */
  | { readonly kind: 'unexplained'; readonly state: State; readonly next: readonly Call<Op>[]; readonly done: number }
  | { readonly kind: 'undecided' };

const MOST_STATES = 500_000;

/** Where a search stands: all certain calls before `front` are done but for `open`; of each kind of uncertain ones so many. */
interface Place<State> {
  readonly state: State;
  readonly front: number;
  readonly open: readonly number[];
  readonly used: readonly number[];
}

/**
 * Looks for one order of the calls that the model allows and that keeps what happened after the end of another after it
 * (linearisability; the search of Wing and Gong, with Lowe's memory of places that led nowhere).
 */
export function linearise<State, Op>(calls: readonly Call<Op>[], model: Model<State, Op>): Verdict<State, Op> {
  const certain = calls.filter(({ isCertain }) => isCertain).sort(byBeginning);
  const guessable = calls.filter(({ isCertain }) => !isCertain).sort(byBeginning);
  const uncertain = [...grouped(guessable, ({ kind }) => kind).values()];
  const seen = new Set<string>();
  const stack: Place<State>[] = [{ state: model.initial, front: 0, open: [], used: uncertain.map(() => 0) }];
  let best: { place: Place<State>; done: number } | undefined;
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    if (place.front === certain.length && place.open.length === 0) return { kind: 'explained' };
    const key = [model.keyOf(place.state), place.front, place.open, place.used].join('|');
    if (seen.has(key)) continue;
    if (seen.size >= MOST_STATES) return { kind: 'undecided' };
    seen.add(key);
    const done = place.front - place.open.length;
    if (best === undefined || done > best.done) best = { place, done };
    const next = minimal(place, certain);
    const deadline = Math.min(...next.map((index) => (certain[index] as Call<Op>).ended));
    stack.push(...guesses(place, uncertain, deadline, model), ...answered(place, next, certain, model));
  }
  const place = best?.place as Place<State>;
  const next = minimal(place, certain).map((index) => certain[index] as Call<Op>);
  return { kind: 'unexplained', state: place.state, next, done: best?.done ?? 0 };
}

const byBeginning = (one: Call<unknown>, other: Call<unknown>): number => one.began - other.began;

/** The certain calls that may come next: those that began before any that is left ended. */
function minimal({ front, open }: Place<unknown>, certain: readonly Call<unknown>[]): number[] {
  const found: number[] = [];
  let earliestEnd = Infinity;
  for (let place = 0; place < open.length + certain.length - front; place++) {
    const index = open[place] ?? front + place - open.length;
    const call = certain[index] as Call<unknown>;
    if (call.began > earliestEnd) break;
    earliestEnd = Math.min(earliestEnd, call.ended);
    found.push(index);
  }
  return found.filter((index) => (certain[index] as Call<unknown>).began < earliestEnd);
}

/** In the order in which the last is tried first: the call that ended first is the likeliest to come first. */
function answered<State, Op>(
  { state, front, open, used }: Place<State>,
  next: readonly number[],
  certain: readonly Call<Op>[],
  model: Model<State, Op>,
): Place<State>[] {
  const byEnd = [...next].sort((one, other) => (certain[other] as Call<Op>).ended - (certain[one] as Call<Op>).ended);
  return byEnd.flatMap((index) => {
    const after = model.apply(state, (certain[index] as Call<Op>).op);
    if (after === undefined) return [];
    if (index < front) return [{ state: after, front, open: open.filter((other) => other !== index), used }];
    const skipped = Array.from({ length: index - front }, (_, offset) => front + offset);
    return [{ state: after, front: index + 1, open: [...open, ...skipped], used }];
  });
}

/** Calls that nobody knows about, where they would change something. */
function guesses<State, Op>(
  { state, front, open, used }: Place<State>,
  uncertain: readonly (readonly Call<Op>[])[],
  deadline: number,
  model: Model<State, Op>,
): Place<State>[] {
  return uncertain.flatMap((calls, kind) => {
    const call = calls[used[kind] as number];
    const after = call && call.began < deadline ? model.apply(state, call.op) : undefined;
    if (after === undefined || model.keyOf(after) === model.keyOf(state)) return [];
    return [{ state: after, front, open, used: used.with(kind, (used[kind] as number) + 1) }];
  });
}
