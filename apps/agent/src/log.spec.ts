import { describe, expect, it } from '@jest/globals';
import { logSafe } from './log.js';

describe('log lines', () => {
  it('lets no text begin a line of its own', () => {
    expect(logSafe('session x\n2026-01-01T00:00:00.000Z [info] forged\u2028\x1b[2J')).not.toMatch(/[\n\r\u2028\x1b]/);
  });

  it('are bounded', () => {
    expect(logSafe('x'.repeat(10_000))).toHaveLength(500);
  });
});
