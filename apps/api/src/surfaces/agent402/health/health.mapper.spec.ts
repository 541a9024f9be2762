import { describe, expect, it } from '@jest/globals';
import { toDatabaseHealth } from './health.mapper.js';

const health = (busy: number, waiting = 0) =>
  toDatabaseHealth({ size: 20, busy, free: 20 - busy, waiting, host: 'h', name: 'n' }, false, new Date());

describe('toDatabaseHealth', () => {
  it.each([
    [0, 'healthy'],
    [15, 'healthy'],
    [16, 'degraded'],
    [18, 'degraded'],
    [19, 'unhealthy'],
    [20, 'unhealthy'],
  ])('of %i connections in use of 20 is %s', (busy, status) => expect(health(busy).status).toBe(status));

  it('warns of what it saw', () => {
    expect(health(16, 3).warnings).toEqual(['80 % of the connections are in use', '3 queries wait for a connection']);
    expect(health(1).warnings).toEqual([]);
  });
});
