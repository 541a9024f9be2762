import { describe, expect, it } from '@jest/globals';
import { HEARTBEAT_INTERVALS, MOST_CHECKS, MOST_CHECK_LENGTH, heartbeatMessage, intervalOf } from './heartbeat.js';

describe('heartbeatMessage', () => {
  it('numbers the checklist', () => {
    expect(heartbeatMessage(['Mail', 'Tasks'])).toContain('\n\n1. Mail\n2. Tasks\n\n');
  });

  it('points to the file when there is none', () => {
    expect(heartbeatMessage([])).toContain('HEARTBEAT.md');
  });

  it('is no longer than a message may be', () => {
    const longest = Array.from({ length: MOST_CHECKS }, () => 'x'.repeat(MOST_CHECK_LENGTH));
    expect(heartbeatMessage(longest).length).toBeLessThan(32_000);
  });
});

describe('intervalOf', () => {
  it('undoes the table', () => {
    for (const [name, seconds] of Object.entries(HEARTBEAT_INTERVALS)) expect(intervalOf(seconds)).toBe(name);
  });
});
