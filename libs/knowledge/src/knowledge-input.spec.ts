import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CHUNK_TEXT_MAX_LENGTH } from './knowledge.js';
import { checkedChunks, isLongerThan } from './knowledge-input.js';

describe('the length of a text', () => {
  it('is that of its code points', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.nat(40), (text, most) => {
        expect(isLongerThan(text, most)).toBe([...text].length > most);
      }),
    );
  });

  it.each(['x', 'é', '😀', '𝄞'])('may be 4,000 of %s and no more', (letter) => {
    const chunk = (count: number): { text: string; source: string } => ({ text: letter.repeat(count), source: 's' });
    expect(checkedChunks([chunk(CHUNK_TEXT_MAX_LENGTH)])).toHaveLength(1);
    expect(() => checkedChunks([chunk(CHUNK_TEXT_MAX_LENGTH + 1)])).toThrow(/at most 4000 characters/);
  });
});
