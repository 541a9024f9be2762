import { describe, expect, it } from '@jest/globals';
import { wordQuery } from './word-query.js';

const shares = new Map([
  ['handbook', 1],
  ['server', 0.09],
  ['close', 0.004],
  ['timeout', 0.0005],
]);
const words = ['close', 'handbook', 'pollut', 'server', 'timeout'];

describe('the words of a query', () => {
  it('are looked for all together, then by the rarest that can be ranked, then by what is more common', () => {
    expect(wordQuery(words, shares, 20_000)).toEqual({
      steps: [
        `'pollut' & 'timeout' & 'close' & 'server' & 'handbook'`,
        `'pollut' | 'timeout' | 'close'`,
        `'server'`,
        `'handbook'`,
      ],
      ranking: `'pollut' | 'timeout' | 'close' | 'server' | 'handbook'`,
    });
    expect(wordQuery(words, shares, 20_000, 10).steps.slice(1)).toEqual([
      `'pollut' | 'timeout'`,
      `'close'`,
      `'server'`,
    ]);
    expect(wordQuery(words, shares, 200_000).steps.slice(1)).toEqual([`'pollut' | 'timeout'`, `'close'`, `'server'`]);
  });

  it('are all among the rarest of a small base', () => {
    const [, any, ...more] = wordQuery(words, new Map(), 100).steps;
    expect([any?.split(' | ').sort(), more]).toEqual([words.map((word) => `'${word}'`), []]);
  });

  it('are looked for although every chunk has them, or none', () => {
    expect(wordQuery(['handbook'], shares, 100_000).steps).toEqual([`'handbook'`]);
    expect(wordQuery(['pollut'], shares, 100_000).steps).toEqual([`'pollut'`]);
  });

  it('are the rarest sixteen of a long text, and what of it the base is known to have', () => {
    const long = ['handbook', 'server', ...Array.from({ length: 300 }, (_v, n) => `w${n}`)];
    const { steps } = wordQuery(long, shares, 100_000);
    expect(steps.map((step) => step.split(/ [&|] /).length)).toEqual([16, 16, 1, 1]);
    expect(steps.slice(2)).toEqual([`'server'`, `'handbook'`]);
  });

  it('are quoted, whatever they hold', () => {
    expect(wordQuery([`o'neil`, 'a\\b'], new Map(), 10).ranking).toBe(`'o''neil' | 'a\\\\b'`);
  });

  it('are none where nothing is left of the text', () => {
    expect(wordQuery([], shares, 10).steps).toEqual([]);
  });
});
