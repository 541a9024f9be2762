import { describe, expect, it } from '@jest/globals';
import { eventually } from './eventually.js';
import { testConfig } from './test-config.js';
import { requireTool } from './tools.js';

describe('requireTool', () => {
  it('finds a program on PATH and misses one that is not there', () => {
    expect(requireTool('sh')).toBe(true);
    expect(requireTool('no-such-program-here')).toBe(false);
  });
});

describe('eventually', () => {
  it('waits until the check holds', async () => {
    let tries = 0;
    expect(await eventually(() => ++tries >= 3 && tries, { intervalMs: 1 })).toBe(3);
  });

  it('throws what the last try threw', async () => {
    const failing = (): never => {
      throw new Error('not yet');
    };
    await expect(eventually(failing, { timeoutMs: 5, intervalMs: 1 })).rejects.toThrow('not yet');
  });
});

describe('testConfig', () => {
  it('ignores the environment of the machine', () => {
    process.env.RATE_LIMIT_PER_MINUTE = '999';
    const config = testConfig({ databaseUrl: 'postgres://x/y', dataDir: '/tmp/none' });
    delete process.env.RATE_LIMIT_PER_MINUTE;
    expect(config.limits.ratePerMinute).toBe(120);
  });
});
