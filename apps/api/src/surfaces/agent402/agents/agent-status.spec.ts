import { describe, expect, it } from '@jest/globals';
import { AGENT_STATUSES } from '#libs/agents';
import { CONTRACT_STATUSES, agentsWith, contractStatus } from './agent-status.js';

const since = new Date();

describe('contractStatus', () => {
  it.each([
    ['provisioning', null, 'provisioning'],
    ['restarting', null, 'provisioning'],
    ['running', null, 'running'],
    ['stopping', null, 'stopped'],
    ['stopped', null, 'stopped'],
    ['error', null, 'failed'],
    ['stopping', since, 'paused'],
    ['stopped', since, 'paused'],
    ['error', since, 'failed'],
  ] as const)('of %s, paused since %s, is %s', (status, pausedAt, name) => {
    expect(contractStatus({ status, pausedAt })).toBe(name);
  });
});

describe('agentsWith', () => {
  const lists = (wanted: (typeof CONTRACT_STATUSES)[number], status: string, isPaused: boolean): boolean => {
    const filter = agentsWith(wanted);
    const fits = [filter.status ?? []].flat().some((one) => one === status);
    return fits && (filter.paused === undefined || filter.paused === isPaused);
  };

  it('lists each agent under the status it shows, and no other', () => {
    for (const status of AGENT_STATUSES.filter((one) => !one.startsWith('delet'))) {
      for (const pausedAt of status === 'stopped' || status === 'stopping' ? [null, since] : [null]) {
        const under = CONTRACT_STATUSES.filter((wanted) => lists(wanted, status, pausedAt !== null));
        expect([status, under]).toEqual([status, [contractStatus({ status, pausedAt })]]);
      }
    }
  });
});
