import { describe, expect, it } from '@jest/globals';
import { SurrogateJoiner, wellFormed } from './well-formed.js';

describe('wellFormed', () => {
  it('replaces what Postgres refuses, unit by unit', () => {
    expect(wellFormed('a\0b\ud83dc 😀')).toBe('a\uFFFDb\uFFFDc 😀');
  });
});

describe('SurrogateJoiner', () => {
  it('joins a pair that came in two pieces', () => {
    const joiner = new SurrogateJoiner();
    const pieces = ['a\ud83d', '\ude00b', '', 'c'].map((piece) => joiner.feed(piece));
    expect([...pieces, joiner.rest()]).toEqual(['a', '😀b', '', 'c', '']);
  });

  it('gives a half that stays alone at the end', () => {
    const joiner = new SurrogateJoiner();
    expect([joiner.feed('a\ud83d'), joiner.rest(), joiner.rest()]).toEqual(['a', '\uFFFD', '']);
  });
});
