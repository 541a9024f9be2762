/** How large a part of a base's chunks holds a word, 0 to 1; words that hardly any chunk holds are not among them. */
export type Shares = ReadonlyMap<string, number>;

export interface WordStep {
  /** In the form of a `tsquery`. */
  readonly query: string;
  /** So many chunks have it that walking through the base soon meets enough of them; else the index names those that have. */
  readonly isCommon: boolean;
}

export interface WordQuery {
  /** What to look for, one after the other until enough is found. */
  readonly steps: readonly WordStep[];
  /** What decides the order of those that a step finds. */
  readonly ranking: string;
}

/** Chunks that a step ranks, unless more are asked for: each is a page to read, and more hardly change who comes first. */
export const RANKED = 100;
/** A question of hundreds of words is about its rarest. */
const MOST_WORDS = 16;
const MOST_COMMON = 2;

/**
 * Chooses by rarity, since a word that is everywhere says least and costs most: all of the words together, then any of
 * the rarest as long as what they find can be ranked, then the next more common ones.
 * @param words - stems, without those that say nothing in themselves
 * @param chunks - how many the base holds
 * @param ranked - how many of them a step may rank
 */
export function wordQuery(words: readonly string[], shares: Shares, chunks: number, ranked = RANKED): WordQuery {
  const shareOf = (word: string): number => shares.get(word) ?? 0;
  const sorted = [...words].sort((a, b) => shareOf(a) - shareOf(b));
  const chosen = sorted.slice(0, MOST_WORDS);
  let expected = 0;
  const rare = chosen.filter((word) => (expected += shareOf(word) * chunks) <= ranked);
  const common = sorted.filter((word) => shares.has(word) && !rare.includes(word)).slice(0, MOST_COMMON);
  const together = chosen.reduce((product, word) => product * shareOf(word), 1);
  const steps = new Map([
    [joined(chosen, '&'), together],
    [joined(rare, '|'), 0],
    ...common.map((word) => [quoted(word), shareOf(word)] as const),
  ]);
  steps.delete('');
  // a walk meets enough of them after `ranked / share` chunks, the index names `share * chunks`
  const isCommon = (share: number): boolean => share * chunks > ranked / share;
  return {
    steps: [...steps].map(([query, share]) => ({ query, isCommon: isCommon(share) })),
    ranking: joined([...new Set([...chosen, ...common])], '|'),
  };
}

const joined = (words: readonly string[], operator: '&' | '|'): string => words.map(quoted).join(` ${operator} `);

const quoted = (word: string): string => `'${word.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
