import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import type { Scope } from '#libs/kernel';
import type { UsageGroup, UsageQuery, UsageReport, UsageRow, UsageSums } from './usage.js';

const SUMS = `
  coalesce(sum(u.calls), 0)::float8 AS calls, coalesce(sum(u.estimated_calls), 0)::float8 AS "estimatedCalls",
  coalesce(sum(u.unpriced_calls), 0)::float8 AS "unpricedCalls", coalesce(sum(u.input_tokens), 0)::float8 AS "inputTokens",
  coalesce(sum(u.cached_input_tokens), 0)::float8 AS "cachedInputTokens",
  coalesce(sum(u.output_tokens), 0)::float8 AS "outputTokens", coalesce(sum(u.cost_micro_usd), 0)::float8 AS "costMicroUsd"`;

const FILTER = `
  FROM usage_daily u
  WHERE u.org_id = $1 AND u.day BETWEEN $2::date AND $3::date
    AND ($4::uuid IS NULL OR u.agent_id = $4::uuid) AND ($5::uuid IS NULL OR u.swarm_id = $5::uuid)`;

const GROUPS: Readonly<Record<UsageGroup, { keys: string; by: string; order: string }>> = {
  day: { keys: `to_char(u.day, 'YYYY-MM-DD') AS day`, by: 'u.day', order: 'u.day DESC' },
  agent: {
    keys: `u.agent_id AS "agentId", (SELECT name FROM agents WHERE id = u.agent_id AND org_id = $1) AS "agentName"`,
    by: 'u.agent_id',
    order: 'sum(u.cost_micro_usd) DESC, sum(u.input_tokens + u.output_tokens) DESC, u.agent_id',
  },
  swarm: {
    keys: `u.swarm_id AS "swarmId", (SELECT name FROM swarms WHERE id = u.swarm_id AND org_id = $1) AS "swarmName"`,
    by: 'u.swarm_id',
    order: 'sum(u.cost_micro_usd) DESC, sum(u.input_tokens + u.output_tokens) DESC, u.swarm_id',
  },
  model: {
    keys: 'u.provider, u.model',
    by: 'u.provider, u.model',
    order: 'sum(u.cost_micro_usd) DESC, sum(u.input_tokens + u.output_tokens) DESC, u.provider, u.model',
  },
};

@Injectable()
export class UsageRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Days newest first; other groups the dearest first. */
  async report(scope: Scope, query: UsageQuery): Promise<UsageReport> {
    const { from, to, groupBy, limit, offset } = query;
    const values = [scope.orgId, from, to, query.agentId ?? null, query.swarmId ?? null];
    const { keys, by, order } = GROUPS[groupBy];
    const [items, [whole]] = await Promise.all([
      this.database.named<UsageRow>(
        `usage_by_${groupBy}`,
        `SELECT ${keys}, ${SUMS} ${FILTER} GROUP BY ${by} ORDER BY ${order} LIMIT $6 OFFSET $7`,
        [...values, limit, offset],
      ),
      this.database.named<UsageSums & { readonly groups: number }>(
        `usage_totals_${groupBy}`,
        `SELECT ${SUMS}, (SELECT count(*)::int FROM (SELECT 1 ${FILTER} GROUP BY ${by}) g) AS groups ${FILTER}`,
        values,
      ),
    ]);
    if (!whole) throw new Error('sums always give a row');
    const { groups, ...totals } = whole;
    return { from, to, items, total: groups, totals };
  }

  /** @returns how many rows went; fewer than `limit` means done. */
  async deleteBefore(before: Date, limit: number): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM usage_daily WHERE ctid = ANY (ARRAY (SELECT ctid FROM usage_daily WHERE day < $1::date LIMIT $2))
       RETURNING 1`,
      [before.toISOString().slice(0, 10), limit],
    );
    return rows.length;
  }
}
