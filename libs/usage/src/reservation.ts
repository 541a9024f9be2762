import { type BudgetPeriod, type BudgetScope, type BudgetUnit } from './budget.js';
import { type BudgetRefusal } from './budgets.errors.js';
import { type ModelPrice, ratesFor } from './price-table.js';
import type { UsageProvider } from './usage.js';

/** What a call may need at most, known before it is made. */
export interface CallPlan {
  /** New for every call. */
  readonly id: string;
  /** The edge that makes the call; when it dies, a sweep settles. */
  readonly instanceId: string;
  readonly provider: UsageProvider;
  readonly model: string;
  readonly price: ModelPrice | undefined;
  /** Upper estimate of the prompt. */
  readonly inputTokens: number;
  /** Part of the prompt may be written to the provider's cache, which costs more. */
  readonly writesCache: boolean;
  /** Most tokens the answer may have, all its alternatives together. */
  readonly askedOutputTokens: number;
  /** With fewer tokens the call makes no sense, and is refused. */
  readonly leastOutputTokens: number;
}

/** What a call took from its budgets. */
export interface Reservation {
  readonly id: string;
  /** Most tokens its budgets afford; undefined when no budget limits it. */
  readonly capTokens: number | undefined;
}

/** Columns of `reserve_usage`. */
export interface ReserveRow {
  readonly outcome: 'skipped' | 'reserved' | 'refused';
  readonly cap: string | null;
  readonly budget_id: string;
  readonly scope_kind: BudgetScope;
  readonly scope_id: string;
  readonly period: BudgetPeriod;
  readonly unit: BudgetUnit;
  readonly most: string;
  readonly used: string;
  readonly held: string;
  readonly period_start: string;
  readonly noted: boolean;
}

/**
 * The reservation as a set-returning call for somebody's FROM, so that it shares the round trip that looks up the agent.
 * `allowed`, `org`, `agent` and `swarm` are SQL; parameters start at `$first` and are {@link reserveValues}. Its columns
 * come as {@link ReserveRow}.
 */
export const reserveSql = (sql: {
  allowed: string;
  org: string;
  agent: string;
  swarm: string;
  first: number;
}): string => {
  const own = (nr: number, type: string): string => `$${sql.first + nr}::${type}`;
  return `(SELECT outcome, cap, budget_id, scope_kind, scope_id, period, unit, most, used, held,
       to_char(period_start, 'YYYY-MM-DD') AS period_start, noted
     FROM reserve_usage(${sql.allowed}, ${own(0, 'uuid')}, ${sql.org}, ${sql.agent}, ${sql.swarm}, ${own(1, 'uuid')},
       ${own(2, 'text')}, ${own(3, 'text')}, ${own(4, 'bigint')}, ${own(5, 'bigint')}, ${own(6, 'bigint')},
       ${own(7, 'bigint')}, ${own(8, 'bigint')}))`;
};

export function reserveValues(plan: CallPlan): unknown[] {
  const { id, instanceId, provider, model, inputTokens, askedOutputTokens, leastOutputTokens } = plan;
  const rates = plan.price && ratesFor(plan.price, inputTokens);
  const dearest = rates && Math.max(rates.input, plan.writesCache ? (rates.cacheWrite ?? 0) : 0);
  const prices = [dearest ?? null, rates?.output ?? null];
  return [id, instanceId, provider, model, inputTokens, askedOutputTokens, leastOutputTokens, ...prices];
}

export const refusalOf = (row: ReserveRow): BudgetRefusal => ({
  budgetId: row.budget_id,
  scope: row.scope_kind,
  scopeId: row.scope_id,
  period: row.period,
  unit: row.unit,
  most: Number(row.most),
  used: Number(row.used),
  held: Number(row.held),
  periodStart: row.period_start,
});
