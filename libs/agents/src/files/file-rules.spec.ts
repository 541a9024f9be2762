import { describe, expect, it } from '@jest/globals';
import { MOST_FILE_BYTES, contentProblem, fileHash, requireGoodContent, ruleName, rulePath } from './file-rules.js';

describe('rulePath', () => {
  it.each(['a', 'new-request', 'New_Request-2', '__proto__', 'x'.repeat(100)])('takes %s', (name) => {
    expect(rulePath(name)).toBe(`rules/${name}.md`);
    expect(ruleName(rulePath(name))).toBe(name);
  });

  it.each(['', '.', '..', '../x', 'a/b', 'a\\b', 'a.md', 'a b', 'ä', 'a\n', 'a\0', '%2e', 'x'.repeat(101)])(
    'refuses %j',
    (name) => {
      expect(() => rulePath(name)).toThrow(expect.objectContaining({ kind: 'validation' }));
    },
  );
});

describe('contentProblem', () => {
  it.each([
    '',
    '# Rule\r\n\n\tdo it\f',
    'äöü 🐦 \u200b',
    '\ufeff# with a byte order mark',
    'x'.repeat(MOST_FILE_BYTES),
  ])('takes text', (content) => {
    expect(contentProblem(content)).toBeUndefined();
  });

  it.each([
    ['what is one byte too long', 'x'.repeat(MOST_FILE_BYTES + 1), /65536 bytes/],
    ['what is too long in bytes, not in characters', 'ä'.repeat(MOST_FILE_BYTES / 2 + 1), /65536 bytes/],
    ['NUL', 'a\0b', /control/],
    ['an escape sequence', '\u001b[31mred', /control/],
    ['half of a pair', 'a\ud83d', /surrogate/],
    ['the other half', '\udc26a', /surrogate/],
  ])('refuses %s', (_what, content, message) => {
    expect(contentProblem(content)).toMatch(message);
    expect(() => requireGoodContent(content, 'soulMd')).toThrow(/^soulMd must be/);
  });
});

describe('fileHash', () => {
  it('is the digest of the UTF-8 bytes', () => {
    expect(fileHash('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(fileHash('ä')).toBe('33e6d73fee82904c8d7afb78de1154d1e8dc2a0edb08120e63df5b9385c2d9cc');
  });
});
