import { describe, expect, it } from '@jest/globals';
import { toSwarm, toSwarmDetails, toSwarms } from './swarms.mapper.js';

const at = new Date('2026-02-01T10:00:00.000Z');
const swarm = {
  id: 'b1b2c3d4-e5f6-7890-abcd-ef1234567890',
  orgId: 'an organisation',
  name: 'Growth',
  slug: 'growth',
  description: null,
  icon: '🚀',
  agentCount: 1,
  memberCount: 2,
  createdAt: at,
  updatedAt: at,
};
const { orgId: _orgId, ...plain } = swarm;
const shown = { ...plain, createdAt: at.toISOString(), updatedAt: at.toISOString() };

describe('a swarm', () => {
  it('is shown with exactly the documented fields', () => {
    expect(toSwarm(swarm)).toEqual({ data: shown });
    expect(toSwarms([swarm])).toEqual({ data: [shown] });
  });

  it('is shown in detail with its agents', () => {
    const agent = { id: 'an id', name: 'Ada', status: 'running', createdAt: at };
    expect(toSwarmDetails({ ...swarm, agents: [agent] })).toEqual({
      data: { ...shown, agents: [{ ...agent, createdAt: at.toISOString() }] },
    });
  });
});
