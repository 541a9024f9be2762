import type { UsageReport, UsageRequest, UsageRow, UsageSums } from '#libs/usage';
import type { UsageQueryDto, UsageReportDto, UsageRowDto, UsageSumsDto } from './usage.dto.js';

const MOST_ROWS = 100;
const DEFAULT_ROWS = 50;

export const toUsageRequest = ({ limit = DEFAULT_ROWS, offset = 0, ...query }: UsageQueryDto): UsageRequest => ({
  ...query,
  limit: Math.min(limit, MOST_ROWS),
  offset,
});

export const toUsageReport = (report: UsageReport, { limit, offset }: UsageRequest): UsageReportDto => ({
  data: report.items.map(toUsageRow),
  pagination: { total: report.total, limit, offset },
  totals: toSums(report.totals),
  period: { from: report.from, to: report.to },
});

function toUsageRow(row: UsageRow): UsageRowDto {
  const { day, agentId, agentName, swarmId, swarmName, provider, model } = row;
  const keys = { day, agentId, agentName, swarmId, swarmName, provider, model };
  const present = Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined));
  return { ...present, ...toSums(row) };
}

const toSums = (sums: UsageSums): UsageSumsDto => ({
  calls: sums.calls,
  estimatedCalls: sums.estimatedCalls,
  unpricedCalls: sums.unpricedCalls,
  inputTokens: sums.inputTokens,
  cachedInputTokens: sums.cachedInputTokens,
  outputTokens: sums.outputTokens,
  totalTokens: sums.inputTokens + sums.outputTokens,
  costUsd: sums.costMicroUsd / 1_000_000,
});
