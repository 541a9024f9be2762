import { describe, expect, it } from '@jest/globals';
import { wordQuery } from './word-query.js';

const shares = new Map([
  ['handbook', 1],
  ['server', 0.09],
  ['close', 0.004],
  ['timeout', 0.0005],
]);
const queriesOf = (...asked: Parameters<typeof wordQuery>): string[] =>
  wordQuery(...asked).steps.map(({ query }) => query);
const words = ['close', 'handbook', 'pollut', 'server', 'timeout'];

describe('the words of a query', () => {
  it('are looked for all together, then by the rarest that can be ranked, then by what is more common', () => {
    expect(wordQuery(words, shares, 20_000)).toEqual({
      steps: [
        { query: `'pollut' & 'timeout' & 'close' & 'server' & 'handbook'`, isCommon: false },
        { query: `'pollut' | 'timeout' | 'close'`, isCommon: false },
        { query: `'server'`, isCommon: true },
        { query: `'handbook'`, isCommon: true },
      ],
      ranking: `'pollut' | 'timeout' | 'close' | 'server' | 'handbook'`,
    });
    expect(queriesOf(words, shares, 20_000, 10).slice(1)).toEqual([`'pollut' | 'timeout'`, `'close'`, `'server'`]);
    expect(queriesOf(words, shares, 200_000).slice(1)).toEqual([`'pollut' | 'timeout'`, `'close'`, `'server'`]);
  });

  it('are all among the rarest of a small base', () => {
    const [, any, ...more] = queriesOf(words, new Map(), 100);
    expect([any?.split(' | ').sort(), more]).toEqual([words.map((word) => `'${word}'`), []]);
  });

  it('are looked for although every chunk has them, or none', () => {
    expect(queriesOf(['handbook'], shares, 100_000)).toEqual([`'handbook'`]);
    expect(queriesOf(['pollut'], shares, 100_000)).toEqual([`'pollut'`]);
  });

  it('are the rarest sixteen of a long text, and what of it the base is known to have', () => {
    const long = ['handbook', 'server', ...Array.from({ length: 300 }, (_v, n) => `w${n}`)];
    const steps = queriesOf(long, shares, 100_000);
    expect(steps.map((step) => step.split(/ [&|] /).length)).toEqual([16, 16, 1, 1]);
    expect(steps.slice(2)).toEqual([`'server'`, `'handbook'`]);
  });

  it('are walked for only where enough is met before the index has named all that have them', () => {
    const isCommon = (share: number, chunks: number): boolean | undefined =>
      wordQuery(['word'], new Map([['word', share]]), chunks).steps.at(-1)?.isCommon;
    expect([isCommon(0.04, 100_000), isCommon(0.03, 100_000)]).toEqual([true, false]);
    expect([isCommon(0.5, 500), isCommon(0.4, 500)]).toEqual([true, false]);
    const halves = new Map(words.map((word) => [word, 0.5]));
    expect(wordQuery(words.slice(0, 2), halves, 100_000).steps[0]?.isCommon).toBe(true);
    expect(wordQuery([...words, 'x', 'y', 'z', 'v', 'w'], halves, 100_000).steps[0]?.isCommon).toBe(false);
  });

  it('are quoted, whatever they hold', () => {
    expect(wordQuery([`o'neil`, 'a\\b'], new Map(), 10).ranking).toBe(`'o''neil' | 'a\\\\b'`);
  });

  it('are none where nothing is left of the text', () => {
    expect(wordQuery([], shares, 10).steps).toEqual([]);
  });
});
