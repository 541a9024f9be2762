/** Dampens the lead of first places. Source: Cormack, Clarke and Büttcher, Reciprocal Rank Fusion (SIGIR 2009). */
const K = 60;

export interface Fused<T> {
  readonly item: T;
  readonly score: number;
}

/** One ranking of several, best first: each adds 1 / (60 + rank) to what it names. Ties keep the order of the first. */
export function fused<T extends string | number>(...rankings: readonly (readonly T[])[]): Fused<T>[] {
  const scores = new Map<T, number>();
  for (const ranking of rankings) {
    ranking.forEach((item, index) => scores.set(item, (scores.get(item) ?? 0) + 1 / (K + index + 1)));
  }
  return [...scores].map(([item, score]) => ({ item, score })).sort((a, b) => b.score - a.score);
}
