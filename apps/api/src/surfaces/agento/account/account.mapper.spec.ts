import { describe, expect, it } from '@jest/globals';
import { toAccount } from './account.mapper.js';

describe('toAccount', () => {
  it('shows an organisation as an account with a plan', () => {
    const account = {
      id: 'a1b2c3d4-e5f6-4890-abcd-ef1234567890',
      name: 'My Company',
      plan: 'self-hosted',
      limits: { maxAgents: 10, maxSkillsPerAgent: 20 },
      features: { api_access: true },
    };
    expect(toAccount(account, { agents: 3, runningAgents: 2 })).toEqual({
      data: {
        id: 'acct_a1b2c3d4e5f64890abcdef1234567890',
        name: 'My Company',
        plan: {
          id: 'plan_self_hosted',
          name: 'Self hosted',
          status: 'active',
          limits: { maxAgents: 10, maxSkillsPerAgent: 20 },
          features: { api_access: true },
        },
        usage: { agents: 3, runningAgents: 2 },
      },
    });
  });
});
