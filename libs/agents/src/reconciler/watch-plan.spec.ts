import { describe, expect, it } from '@jest/globals';
import { type WatchedAgent, type WatchedContainer, planWatch } from './watch-plan.js';

const agent = (given: Partial<WatchedAgent> = {}): WatchedAgent => ({
  id: 'a',
  status: 'running',
  mine: true,
  livesElsewhere: false,
  instanceEpoch: 4,
  ...given,
});
const container = (given: Partial<WatchedContainer> = {}): WatchedContainer => ({
  agentId: 'a',
  status: 'running',
  epoch: 4,
  ...given,
});

describe('planWatch', () => {
  it('follows the output of what runs as it should, and does nothing else', () => {
    expect(planWatch([agent()], [container()])).toEqual({ broken: [], orphans: [], output: ['a'] });
  });

  it.each([
    ['ended', container({ status: 'exited' })],
    ['was never started', container({ status: 'created' })],
  ])('has an agent mended whose instance %s, without taking it for an orphan', (_how, seen) => {
    expect(planWatch([agent()], [seen])).toEqual({ broken: ['a'], orphans: [], output: [] });
  });

  it('has an agent mended whose instance is gone', () => {
    expect(planWatch([agent()], []).broken).toEqual(['a']);
  });

  it.each([
    ['of a stopped agent', agent({ status: 'stopped', instanceEpoch: null })],
    ['of another epoch', agent({ status: 'provisioning', instanceEpoch: 5 })],
    ['of an agent on another host', agent({ mine: false })],
    ['of a deleted agent', agent({ status: 'deleted', instanceEpoch: null })],
  ])('removes an instance %s', (_whose, row) => {
    expect(planWatch([row], [container()]).orphans).toEqual(['a']);
  });

  it('removes what is left of a deleted agent, but keeps the workspace of a stopped one', () => {
    const left = container({ status: 'missing', epoch: null });
    expect(planWatch([agent({ status: 'deleted', instanceEpoch: null })], [left]).orphans).toEqual(['a']);
    expect(planWatch([agent({ status: 'stopped', instanceEpoch: null })], [left]).orphans).toEqual([]);
  });

  it('removes what is left of an agent only once another host has its files', () => {
    const left = container({ status: 'missing', epoch: null });
    expect(planWatch([agent({ mine: false })], [left]).orphans).toEqual([]);
    expect(planWatch([agent({ mine: false, livesElsewhere: true })], [left]).orphans).toEqual(['a']);
  });

  it('does not mend agents of other hosts', () => {
    expect(planWatch([agent({ mine: false })], []).broken).toEqual([]);
  });

  it('leaves an instance alone whose agent it does not know', () => {
    expect(planWatch([], [container()])).toEqual({ broken: [], orphans: [], output: [] });
  });
});
