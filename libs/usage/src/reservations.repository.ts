import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { INSTANCE_DEAD_AFTER_SECONDS } from '#libs/instances';
import type { BudgetPeriod } from './budget.js';
import { type CallPlan, type ReserveRow, reserveSql, reserveValues } from './reservation.js';
import type { UsageProvider } from './usage.js';

/** How a call ended. Free calls (refused by the provider, never sent) are not metered. */
export interface Settlement {
  readonly id: string;
  readonly metered: boolean;
  readonly estimated: boolean;
  readonly priced: boolean;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly costMicroUsd: number;
}

/** A budget whose soft limit was reached; the event is still to be written. */
export interface ReachedBudget {
  readonly budgetId: string;
  readonly orgId: string;
  readonly period: BudgetPeriod;
}

/** What a dead edge left. */
export interface LeftReservation {
  readonly id: string;
  readonly provider: UsageProvider;
  readonly model: string;
  readonly inputTokens: number;
  readonly countedOutputTokens: number;
}

const RESERVE = `SELECT r.* FROM ${reserveSql({ allowed: 'true', org: '$1::uuid', agent: '$2::uuid', swarm: '$3::uuid', first: 4 })} r`;
const SETTLE = `
  SELECT reached_budget AS "budgetId", reached_org AS "orgId", reached_period AS period
    FROM settle_usage($1, $2, $3, $4, $5, $6, $7, $8)`;
const NOTE_COUNTED = `
  UPDATE usage_reservations r SET counted_output_tokens = c.tokens
    FROM unnest($1::uuid[], $2::bigint[]) AS c (id, tokens) WHERE r.id = c.id`;
const LEFT_BY_DEAD = `
  SELECT id, provider, model, input_tokens AS "inputTokens", counted_output_tokens AS "countedOutputTokens"
    FROM usage_reservations r
   WHERE started_at < now() - make_interval(secs => $1)
     AND NOT EXISTS (SELECT FROM instances i
                      WHERE i.id = r.instance_id AND i.heartbeat_at > now() - make_interval(secs => $1))
   ORDER BY started_at LIMIT $2`;

@Injectable()
export class ReservationsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Reserves for a caller who is known already. */
  async reserve(of: { orgId: string; agentId: string; swarmId: string | null }, plan: CallPlan): Promise<ReserveRow> {
    const values = [of.orgId, of.agentId, of.swarmId, ...reserveValues(plan)];
    const [row] = await this.database.named<ReserveRow>('usage_reserve', RESERVE, values);
    if (!row) throw new Error('reserve_usage answered nothing');
    return row;
  }

  /** Idempotent: a reservation is settled once. */
  settle(end: Settlement): Promise<ReachedBudget[]> {
    return this.database.named<ReachedBudget>('usage_settle', SETTLE, [
      end.id,
      end.metered,
      end.estimated,
      end.priced,
      end.inputTokens,
      end.cachedInputTokens,
      end.outputTokens,
      end.costMicroUsd,
    ]);
  }

  async noteCounted(counted: ReadonlyMap<string, number>): Promise<void> {
    await this.database.named('usage_counted', NOTE_COUNTED, [[...counted.keys()], [...counted.values()]]);
  }

  async leftByDead(limit: number): Promise<LeftReservation[]> {
    const rows = await this.database.query<LeftReservation>(LEFT_BY_DEAD, [INSTANCE_DEAD_AFTER_SECONDS, limit]);
    return rows.map((row) => ({
      ...row,
      inputTokens: Number(row.inputTokens),
      countedOutputTokens: Number(row.countedOutputTokens),
    }));
  }
}
