import { describe, expect, it } from '@jest/globals';
import { levelOf, toColumns } from './log-batch.js';
import { dayOf, partitionOf } from './log-partitions.js';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const line = (given: object = {}) => ({
  agentId: 'a',
  source: 'process:h',
  at: new Date(NOW),
  text: '2026-11-22T12:00:00.000Z [warn] careful',
  position: 10,
  ...given,
});

describe('toColumns', () => {
  it('keeps order and the last position of each agent', () => {
    const columns = toColumns([line(), line({ agentId: 'b', position: 3 }), line({ position: 20 })], NOW);
    expect(columns.agentIds).toEqual(['a', 'b', 'a']);
    expect(columns.positions).toEqual([10, 3, 20]);
    expect(columns.cursors).toEqual({
      agentIds: ['a', 'b'],
      sources: ['process:h', 'process:h'],
      positions: [20, 3],
    });
  });

  it('stores what Postgres can hold and a reader can bear', () => {
    const [nul, long] = toColumns([line({ text: 'a\0b' }), line({ text: 'x'.repeat(20_000) })], NOW).lines;
    expect(nul).toBe('a\ufffdb');
    expect(long!.length).toBeLessThan(16_400);
  });

  it('puts lines of a wrong clock where a partition is', () => {
    const old = new Date(NOW - 3 * 86_400_000);
    const ahead = new Date(NOW + 86_400_000);
    const near = new Date(NOW - 60_000);
    const { ats } = toColumns([line({ at: old }), line({ at: ahead }), line({ at: near })], NOW);
    expect(ats).toEqual([new Date(NOW), new Date(NOW), near]);
  });

  it.each([
    ['2026-11-22T12:00:00.000Z [error] no', 'error'],
    ['Killed', 'info'],
    ['[error] no time', 'info'],
  ])('reads the level of %j', (text, level) => {
    expect(levelOf(text)).toBe(level);
  });
});

describe('partitions', () => {
  it('are named by their UTC day', () => {
    const name = partitionOf(new Date('2026-01-02T23:59:59Z'));
    expect(name).toBe('log_lines_20260102');
    expect(dayOf(name)).toEqual(new Date('2026-01-02T00:00:00Z'));
    expect(dayOf('log_lines_agent_idx')).toBeUndefined();
  });
});
