import { describe, expect, it } from '@jest/globals';
import { estimateTokens, newestThatFit } from './context-window.js';

const said = (...contents: string[]) =>
  contents.map((content, index) => ({ id: String(contents.length - index), role: 'user' as const, content }));
const texts = (window: ReturnType<typeof newestThatFit>): string[] => window.messages.map(({ content }) => content);

describe('newestThatFit', () => {
  it('keeps the newest, oldest of them first, and never more than the budget', () => {
    const each = estimateTokens('x'.repeat(40));
    const window = newestThatFit(said('c'.repeat(40), 'b'.repeat(40), 'a'.repeat(40)), 2 * each);
    expect(texts(window)).toEqual(['b'.repeat(40), 'c'.repeat(40)]);
    expect(window.tokens).toBe(2 * each);
  });

  it('stops at the first that does not fit, so that no gap is left', () => {
    expect(texts(newestThatFit(said('new', 'x'.repeat(4_000), 'old'), 100))).toEqual(['new']);
  });

  it('shortens the newest when it alone is too long', () => {
    const window = newestThatFit(said(`${'x'.repeat(4_000)}end`), 20);
    expect(window.tokens).toBeLessThanOrEqual(20);
    expect(texts(window)[0]?.endsWith('xend')).toBe(true);
  });

  it('breaks no character in two', () => {
    const [text] = texts(newestThatFit(said('🐦'.repeat(1_000)), 7));
    expect(encodeURIComponent(text ?? '\ud800')).toContain('%F0%9F%90%A6');
  });

  it('is empty for an empty conversation', () => {
    expect(newestThatFit([], 100)).toEqual({ messages: [], tokens: 0 });
  });
});
