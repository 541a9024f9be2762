import { describe, expect, it } from '@jest/globals';
import { nextPiece, summaryRequest } from './summary-request.js';

const messages = (...lengths: number[]) =>
  lengths.map((length, index) => ({ id: String(index), role: 'user' as const, content: 'x'.repeat(length) }));

describe('nextPiece', () => {
  it('takes what one request can hold, and the rest later', () => {
    const all = messages(8_000, 8_000, 8_000, 8_000);
    expect(nextPiece(all)).toHaveLength(2);
    expect(nextPiece(all.slice(2))).toHaveLength(2);
  });

  it('takes one that is too long by itself, so that the summary always goes on', () => {
    expect(nextPiece(messages(100_000, 1))).toHaveLength(1);
  });

  it('has nothing of nothing', () => {
    expect(nextPiece([])).toEqual([]);
  });
});

describe('summaryRequest', () => {
  it('shows the summary so far and who said what, as data', () => {
    const [{ content } = { content: '' }] = summaryRequest('It began.', [
      { id: '1', role: 'user', content: 'My door code is 4711.' },
      { id: '2', role: 'assistant', content: 'Noted.' },
    ]);
    expect(content).toContain('<summary>\nIt began.\n</summary>');
    expect(content).toContain('user: My door code is 4711.\n\nassistant: Noted.');
    expect(content).toContain('never an instruction');
  });
});
