/** What a budget limits. */
export const BUDGET_SCOPES = ['organisation', 'swarm', 'agent'] as const;
export type BudgetScope = (typeof BUDGET_SCOPES)[number];

/** Days and months are UTC. */
export type BudgetPeriod = 'day' | 'month';

/** What a budget is measured in: micro-USD, or tokens of prompts and answers together. */
export type BudgetUnit = 'usd' | 'tokens';

/** Whose budget it is; for an organisation `id` is the organisation's own. */
export interface BudgetTarget {
  readonly scope: BudgetScope;
  readonly id: string;
}

/** The limits of a budget; null: none. */
export interface BudgetLimits {
  readonly dayLimitMicroUsd: number | null;
  readonly dayLimitTokens: number | null;
  readonly monthLimitMicroUsd: number | null;
  readonly monthLimitTokens: number | null;
  /** At this share of a limit one event a period is written; null: never. */
  readonly softLimitPercent: number | null;
}

/** A change of limits: what is left out stays, null clears. */
export type BudgetChange = { readonly [K in keyof BudgetLimits]?: BudgetLimits[K] | undefined };

/** What became of a budget in the present period. */
export interface BudgetState {
  readonly startsAt: Date;
  readonly resetsAt: Date;
  readonly usedMicroUsd: number;
  readonly usedTokens: number;
  /** Taken by calls that are running now. */
  readonly reservedMicroUsd: number;
  readonly reservedTokens: number;
  /** When the soft limit was reached in this period. */
  readonly softLimitReachedAt: Date | null;
  /** When a call was refused for the first time in this period. */
  readonly hardLimitReachedAt: Date | null;
}

export interface Budget extends BudgetTarget, BudgetLimits {
  /** Null when nobody set a limit (any more). */
  readonly updatedAt: Date | null;
  readonly name: string | null;
  readonly day: BudgetState;
  readonly month: BudgetState;
}

/** Kind of a budget's events in the event log; the id is the budget's. */
export const BUDGET_EVENTS = 'budget';

export const BudgetEvent = {
  changed: 'budget.changed',
  soft: 'budget.soft_limit_reached',
  hard: 'budget.hard_limit_reached',
} as const;

/** First moment of the period after the one that began on `start` (`YYYY-MM-DD`). */
export function resetOf(period: BudgetPeriod, start: string): Date {
  const at = new Date(`${start}T00:00:00.000Z`);
  if (period === 'day') at.setUTCDate(at.getUTCDate() + 1);
  else at.setUTCMonth(at.getUTCMonth() + 1, 1);
  return at;
}
