import type { AgentUsage } from '#libs/agents';
import type { OrganisationAccount } from '#libs/identity';
import type { AccountDto } from './account.dto.js';

/** An organisation as agento's clients know it: an account with a plan. */
export const toAccount = (account: OrganisationAccount, usage: AgentUsage): { data: AccountDto } => ({
  data: {
    id: `acct_${account.id.replaceAll('-', '')}`,
    name: account.name,
    plan: {
      id: `plan_${account.plan.replaceAll('-', '_')}`,
      name: titleOf(account.plan),
      status: 'active',
      limits: { maxAgents: account.limits.maxAgents, maxSkillsPerAgent: account.limits.maxSkillsPerAgent },
      features: { ...account.features },
    },
    usage: { agents: usage.agents, runningAgents: usage.runningAgents },
  },
});

const titleOf = (plan: string): string => {
  const words = plan.replaceAll(/[-_]/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};
