import type { Operation } from './operations.js';

/** What an armed worker tells of its way. */
export interface Passed {
  readonly point: string;
  readonly side: 'before' | 'after';
  /** Whoever comes by can be held there. */
  readonly waits: boolean;
}

/**
 * The failpoints at which a kill leaves something different: the first, and every one after an effect. Between the end of
 * an effect and the beginning of the next nothing happens.
 */
export const killPoints = (trace: readonly Passed[]): string[] =>
  trace.filter(({ side }, nr) => nr === 0 || side === 'after').map(({ point }) => point);

/** Where agents are when their worker is asked to end: no more than come at once. */
export const endPoints = (trace: readonly Passed[], { atOnce }: Pick<Choice, 'atOnce'>): string[] =>
  spread(
    trace.filter(({ waits }) => waits).map(({ point }) => point),
    atOnce,
  );

/** At most so many, from everywhere on the way. */
export function spread(points: readonly string[], count: number): string[] {
  const step = Math.max(1, points.length / count);
  return points.filter((_, nr) => Math.floor(nr / step) !== Math.floor((nr - 1) / step));
}

/** An operation, and the points on its way. */
export interface Way {
  readonly operation: Operation;
  readonly points: readonly string[];
}

/** A point on the way of an operation. */
export interface Spot {
  readonly operation: Operation;
  readonly point: string;
}

export const nameOf = ({ operation, point }: Spot): string => `${operation.name}: ${point}`;

/** What has been tried before, how many points one kill proves, and which part of those that were tried is tried again. */
export interface Choice {
  readonly tried: ReadonlySet<string>;
  readonly atOnce: number;
  readonly againEvery: number;
}

/**
 * Which points are tried. By default those that no earlier operation was killed at and a part of the others, of a step that has
 * the same effect many times (one a file) the first and the last; of each operation one at least, and as many more as the last kill
 * proves besides.
 * `FAILPOINTS=all`: every one. `FAILPOINTS=<part of "operation: point">`: those.
 */
export function chosen(ways: readonly Way[], { tried, atOnce, againEvery }: Choice): Spot[] {
  const all = ways.flatMap(({ operation, points }) => points.map((point) => ({ operation, point })));
  const wanted = process.env.FAILPOINTS ?? '';
  if (wanted === 'all') return all;
  if (wanted !== '') return all.filter((spot) => nameOf(spot).includes(wanted));
  const before = new Set(tried);
  let again = 0;
  const isChosen = (point: string): boolean => {
    const isNew = !before.has(point);
    before.add(point);
    return isNew || again++ % againEvery === 0;
  };
  const first = ways.flatMap(({ operation, points }) => {
    const most = firstAndLast(points);
    const found = most.filter(isChosen);
    const middle = most.length >> 1;
    return (found.length > 0 ? found : most.slice(middle, middle + 1)).map((point) => ({ operation, point }));
  });
  const names = new Set(first.map(nameOf));
  const room = (atOnce - (first.length % atOnce)) % atOnce;
  return [...first, ...all.filter((spot) => !names.has(nameOf(spot))).slice(0, room)];
}

/** Of points that differ in their numbers. */
function firstAndLast(points: readonly string[]): string[] {
  const effectOf = (point: string): string => point.replace(/ #\d+$/, '');
  const last = new Map(points.map((point) => [effectOf(point), point]));
  return points.filter((point) => point.endsWith(' #1') || last.get(effectOf(point)) === point);
}
