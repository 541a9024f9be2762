import { DomainError } from '#libs/kernel';
import { type BudgetPeriod, type BudgetScope, type BudgetUnit, resetOf } from './budget.js';

/** The limit that stands in the way of a call. */
export interface BudgetRefusal {
  readonly budgetId: string;
  readonly scope: BudgetScope;
  readonly scopeId: string;
  readonly period: BudgetPeriod;
  readonly unit: BudgetUnit;
  /** Micro-USD or tokens. */
  readonly most: number;
  readonly used: number;
  readonly held: number;
  /** First day of the period, `YYYY-MM-DD`. */
  readonly periodStart: string;
}

export const BUDGET_EXCEEDED = 'budget_exceeded';

/** Says which budget, its limit, what is used and when it resets. */
export function budgetExceeded(refusal: BudgetRefusal): DomainError {
  const { scope, period, unit, most, used, held, periodStart } = refusal;
  const amount = (value: number): string => (unit === 'usd' ? `$${usd(value)}` : `${value} tokens`);
  const resetsAt = resetOf(period, periodStart);
  const running = held > 0 ? `, ${amount(held)} reserved by calls that are running` : '';
  const message =
    `budget_exceeded: the ${period === 'day' ? 'daily' : 'monthly'} budget of this ${scope} has no room for this call: ` +
    `limit ${amount(most)}, used ${amount(used)}${running}; it resets at ${resetsAt.toISOString()}`;
  const retryAfterSeconds = Math.max(1, Math.ceil((resetsAt.getTime() - Date.now()) / 1000));
  return new DomainError('plan_limit', BUDGET_EXCEEDED, message, { retryAfterSeconds, limit: most });
}

const usd = (microUsd: number): string => (microUsd / 1_000_000).toFixed(6).replace(/(\.\d\d\d*?)0+$/, '$1');
