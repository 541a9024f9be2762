/** What an organisation may use. */
export interface Plan {
  readonly limits: { readonly maxAgents: number; readonly maxSkillsPerAgent: number };
  readonly features: Readonly<Record<string, boolean>>;
}

/** The one plan of a self-hosted installation: everything, with limits that only stop runaway clients. */
const SELF_HOSTED: Plan = {
  limits: { maxAgents: 10_000, maxSkillsPerAgent: 200 },
  features: { api_access: true, swarms: true, knowledge: true, platform_provider_keys: true },
};

const PLANS: Readonly<Record<string, Plan>> = { 'self-hosted': SELF_HOSTED };

/** The plan named in `organisations.plan`; an unknown name counts as self-hosted. */
export const planOf = (name: string): Plan => PLANS[name] ?? SELF_HOSTED;
