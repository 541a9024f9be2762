import type { RunLimits } from './orchestration.js';

const number = (value: unknown, fallback: number, most: number): number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 ? Math.min(value, most) : fallback;

/** `max_rounds` (3, at most 10), `max_steps` (50, at most 200), `max_tokens` (500,000, at most 100 million) and `lead_agent_id` of a configuration. */
export const limitsOf = (configuration: Readonly<Record<string, unknown>>): RunLimits => ({
  maxRounds: number(configuration.max_rounds, 3, 10),
  maxSteps: number(configuration.max_steps, 50, 200),
  maxTokens: number(configuration.max_tokens, 500_000, 100_000_000),
  leadAgentId: typeof configuration.lead_agent_id === 'string' ? configuration.lead_agent_id : undefined,
});
