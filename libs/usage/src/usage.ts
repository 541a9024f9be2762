/** Who answers a model call; `demo` is the scripted model of Rookery itself. */
export type UsageProvider = 'openai' | 'anthropic' | 'google' | 'demo';

/** What one model call used, in the provider's own tokens. */
export interface TokenUsage {
  /** The whole prompt, with what came from or went to the provider's cache. */
  readonly inputTokens: number;
  /** The part of the prompt that the provider had kept. */
  readonly cachedInputTokens: number;
  /** The part of the prompt that the provider was paid to keep. */
  readonly cacheWriteTokens: number;
  /** Everything generated, thinking too. */
  readonly outputTokens: number;
}

/** Which rows of a usage report are one. */
export const USAGE_GROUPS = ['day', 'agent', 'swarm', 'model'] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

/** Which usage to add up; days are UTC, `YYYY-MM-DD`, both ends counted. */
export interface UsageQuery {
  readonly from: string;
  readonly to: string;
  readonly groupBy: UsageGroup;
  readonly agentId?: string;
  readonly swarmId?: string;
  readonly limit: number;
  readonly offset: number;
}

/** Sums over many calls. */
export interface UsageSums {
  readonly calls: number;
  /** Calls whose tokens Rookery counted itself, because the provider did not say. */
  readonly estimatedCalls: number;
  /** Calls of models without a price; they are counted as costing nothing. */
  readonly unpricedCalls: number;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly costMicroUsd: number;
}

/** One row of a report; what it is grouped by is set, the rest is undefined. */
export interface UsageRow extends UsageSums {
  /** `YYYY-MM-DD` */
  readonly day?: string;
  readonly agentId?: string;
  /** Null once nothing is known of the agent any more. */
  readonly agentName?: string | null;
  /** Null: agents that were in no swarm. */
  readonly swarmId?: string | null;
  readonly swarmName?: string | null;
  readonly provider?: UsageProvider;
  readonly model?: string;
}

export interface UsageReport {
  readonly from: string;
  readonly to: string;
  readonly items: readonly UsageRow[];
  readonly total: number;
  readonly totals: UsageSums;
}
