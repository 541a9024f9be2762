import type { Budget, BudgetChange, BudgetState } from '#libs/usage';
import { isoTime, isoTimeOrNull } from '../agento.paging.js';
import type { BudgetDto, BudgetPeriodDto, PutBudgetDto } from './budgets.dto.js';

export const toBudgetChange = (body: PutBudgetDto): BudgetChange => ({
  dayLimitMicroUsd: toMicroUsd(body.dailyLimitUsd),
  monthLimitMicroUsd: toMicroUsd(body.monthlyLimitUsd),
  dayLimitTokens: body.dailyLimitTokens,
  monthLimitTokens: body.monthlyLimitTokens,
  softLimitPercent: body.softLimitPercent,
});

export const toBudget = (budget: Budget): BudgetDto => ({
  scope: budget.scope,
  id: budget.id,
  name: budget.name,
  dailyLimitUsd: toUsd(budget.dayLimitMicroUsd),
  monthlyLimitUsd: toUsd(budget.monthLimitMicroUsd),
  dailyLimitTokens: budget.dayLimitTokens,
  monthlyLimitTokens: budget.monthLimitTokens,
  softLimitPercent: budget.softLimitPercent,
  updatedAt: isoTimeOrNull(budget.updatedAt),
  daily: toPeriod(budget.day),
  monthly: toPeriod(budget.month),
});

const toPeriod = (state: BudgetState): BudgetPeriodDto => ({
  startsAt: isoTime(state.startsAt),
  resetsAt: isoTime(state.resetsAt),
  usedUsd: state.usedMicroUsd / 1_000_000,
  usedTokens: state.usedTokens,
  reservedUsd: state.reservedMicroUsd / 1_000_000,
  reservedTokens: state.reservedTokens,
  softLimitReachedAt: isoTimeOrNull(state.softLimitReachedAt),
  hardLimitReachedAt: isoTimeOrNull(state.hardLimitReachedAt),
});

const toUsd = (microUsd: number | null): number | null => (microUsd === null ? null : microUsd / 1_000_000);

const toMicroUsd = (usd: number | null | undefined): number | null | undefined =>
  typeof usd === 'number' ? Math.round(usd * 1_000_000) : usd;
