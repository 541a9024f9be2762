import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';
import {
  type Budget,
  type BudgetChange,
  type BudgetLimits,
  type BudgetPeriod,
  type BudgetState,
  type BudgetTarget,
  resetOf,
} from './budget.js';

/** A budget row after a change. */
export interface ChangedBudget {
  readonly id: string;
  readonly eventSeq: number;
}

interface BudgetRow extends BudgetTarget {
  readonly name: string | null;
  readonly updated_at: Date;
  readonly today: string;
  readonly day: string;
  readonly [column: string]: unknown;
}

const LIMIT_COLUMNS: Readonly<Record<keyof BudgetLimits, string>> = {
  dayLimitMicroUsd: 'day_limit_micro_usd',
  dayLimitTokens: 'day_limit_tokens',
  monthLimitMicroUsd: 'month_limit_micro_usd',
  monthLimitTokens: 'month_limit_tokens',
  softLimitPercent: 'soft_limit_percent',
};

const NAME = `CASE b.scope_kind
    WHEN 'organisation' THEN (SELECT name FROM organisations o WHERE o.id = b.scope_id)
    WHEN 'swarm' THEN (SELECT name FROM swarms s WHERE s.id = b.scope_id AND s.org_id = b.org_id)
    ELSE (SELECT name FROM agents a WHERE a.id = b.scope_id AND a.org_id = b.org_id) END`;

const SELECT = `
  SELECT b.*, b.scope_kind AS scope, b.scope_id AS id, ${NAME} AS name, to_char(b.day, 'YYYY-MM-DD') AS day,
         to_char(greatest(b.day, (now() AT TIME ZONE 'UTC')::date), 'YYYY-MM-DD') AS today
    FROM budgets b WHERE b.org_id = $1`;

/** Settlements and reservations of an organisation hold this lock shared: what is summed below does not move. */
const STAND_STILL = `SELECT pg_advisory_xact_lock(hashtextextended('usage:' || $1::uuid, 0))`;

/** A new budget begins with what this day and month have used and what running calls have taken. */
const SAVE = `
  WITH at AS (
    SELECT greatest((clock_timestamp() AT TIME ZONE 'UTC')::date,
                    (SELECT max(day) FROM usage_reservations WHERE org_id = $1)) AS day
  ), used AS (
    SELECT sum(cost_micro_usd) AS usd, sum(input_tokens + output_tokens) AS tokens,
           sum(cost_micro_usd) FILTER (WHERE u.day = at.day) AS day_usd,
           sum(input_tokens + output_tokens) FILTER (WHERE u.day = at.day) AS day_tokens
      FROM at CROSS JOIN usage_daily u
     WHERE u.org_id = $1 AND u.day BETWEEN date_trunc('month', at.day)::date AND at.day
       AND CASE $2 WHEN 'organisation' THEN true WHEN 'swarm' THEN u.swarm_id = $3 ELSE u.agent_id = $3 END
  ), held AS (
    SELECT sum(held_micro_usd) AS usd, sum(held_tokens) AS tokens,
           sum(held_micro_usd) FILTER (WHERE r.day = at.day) AS day_usd,
           sum(held_tokens) FILTER (WHERE r.day = at.day) AS day_tokens
      FROM at CROSS JOIN usage_reservations r
     WHERE r.org_id = $1 AND date_trunc('month', r.day) = date_trunc('month', at.day)
       AND CASE $2 WHEN 'organisation' THEN true WHEN 'swarm' THEN r.swarm_id = $3 ELSE r.agent_id = $3 END
  )
  INSERT INTO budgets AS b (id, org_id, scope_kind, scope_id, day_limit_micro_usd, day_limit_tokens,
    month_limit_micro_usd, month_limit_tokens, soft_limit_percent, updated_by, event_seq, day,
    day_used_micro_usd, day_used_tokens, month_used_micro_usd, month_used_tokens,
    day_held_micro_usd, day_held_tokens, month_held_micro_usd, month_held_tokens)
  SELECT gen_random_uuid(), $1, $2, $3, $4, $5, $6, $7, $8, $9, 1, at.day,
    coalesce(used.day_usd, 0), coalesce(used.day_tokens, 0), coalesce(used.usd, 0), coalesce(used.tokens, 0),
    coalesce(held.day_usd, 0), coalesce(held.day_tokens, 0), coalesce(held.usd, 0), coalesce(held.tokens, 0)
    FROM at, used, held
  ON CONFLICT (org_id, scope_kind, scope_id) DO UPDATE SET
    day_limit_micro_usd = $4, day_limit_tokens = $5, month_limit_micro_usd = $6, month_limit_tokens = $7,
    soft_limit_percent = $8, updated_by = $9, updated_at = now(), event_seq = b.event_seq + 1,
    day_soft_at = NULL, day_hard_at = NULL, month_soft_at = NULL, month_hard_at = NULL
  RETURNING id, event_seq::int AS "eventSeq"`;

@Injectable()
export class BudgetsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Every budget of the organisation: its own first, then swarms, then agents. At most 10,000. */
  async list(scope: Scope): Promise<Budget[]> {
    const order = `ORDER BY array_position(ARRAY['organisation','swarm','agent'], b.scope_kind), name, b.scope_id`;
    const rows = await this.database.query<BudgetRow>(`${SELECT} ${order} LIMIT 10000`, [scope.orgId]);
    return rows.map(toBudget);
  }

  async find(scope: Scope, target: BudgetTarget, on: Sql = this.database): Promise<Budget | undefined> {
    const sql = `${SELECT} AND b.scope_kind = $2 AND b.scope_id = $3`;
    const [row] = await on.query<BudgetRow>(sql, [scope.orgId, target.scope, target.id]);
    return row && toBudget(row);
  }

  /** Lets no call of the organisation reserve or settle until the transaction ends. */
  async standStill(tx: Tx, scope: Scope): Promise<void> {
    await tx.query(STAND_STILL, [scope.orgId]);
  }

  /** Writes all limits; limits that were reached may be told anew. Under {@link standStill}. */
  async save(tx: Tx, scope: Scope, target: BudgetTarget, limits: BudgetLimits, by: string): Promise<ChangedBudget> {
    const { dayLimitMicroUsd, dayLimitTokens, monthLimitMicroUsd, monthLimitTokens, softLimitPercent } = limits;
    const [row] = await tx.query<ChangedBudget>(SAVE, [
      ...[scope.orgId, target.scope, target.id],
      ...[dayLimitMicroUsd, dayLimitTokens, monthLimitMicroUsd, monthLimitTokens, softLimitPercent, by],
    ]);
    if (!row) throw new Error('a budget was not written');
    return row;
  }

  async remove(tx: Tx, scope: Scope, target: BudgetTarget): Promise<ChangedBudget | undefined> {
    const [row] = await tx.query<ChangedBudget>(
      `DELETE FROM budgets WHERE org_id = $1 AND scope_kind = $2 AND scope_id = $3
       RETURNING id, event_seq::int + 1 AS "eventSeq"`,
      [scope.orgId, target.scope, target.id],
    );
    return row;
  }

  /** Deletes budgets of agents and swarms that are gone. */
  async deleteOrphans(limit: number): Promise<void> {
    await this.database.query(
      `DELETE FROM budgets WHERE id = ANY (ARRAY (SELECT id FROM budgets b
         WHERE (scope_kind = 'agent' AND NOT EXISTS (SELECT FROM agents a WHERE a.id = b.scope_id AND a.status <> 'deleted'))
            OR (scope_kind = 'swarm' AND NOT EXISTS (SELECT FROM swarms s WHERE s.id = b.scope_id)) LIMIT $1))`,
      [limit],
    );
  }
}

/** The limits after a change. */
export const changedLimits = (old: BudgetLimits | undefined, change: BudgetChange): BudgetLimits => {
  const names = Object.keys(LIMIT_COLUMNS) as (keyof BudgetLimits)[];
  const pick = (name: keyof BudgetLimits): number | null =>
    change[name] !== undefined
      ? change[name]
      : old
        ? old[name]
        : name === 'softLimitPercent'
          ? DEFAULT_SOFT_PERCENT
          : null;
  return Object.fromEntries(names.map((name) => [name, pick(name)])) as unknown as BudgetLimits;
};

const DEFAULT_SOFT_PERCENT = 80;

/** A budget that nobody has set. */
export function noBudget(target: BudgetTarget, name: string | null, at: Date): Budget {
  const day = at.toISOString().slice(0, 10);
  const limits = { ...changedLimits(undefined, {}), softLimitPercent: null };
  const row = { ...target, name, today: day, day: '' } as unknown as BudgetRow;
  return { ...target, ...limits, name, updatedAt: null, day: stateOf(row, 'day'), month: stateOf(row, 'month') };
}

function toBudget(row: BudgetRow): Budget {
  const names = Object.entries(LIMIT_COLUMNS) as [keyof BudgetLimits, string][];
  const limits = Object.fromEntries(names.map(([name, column]) => [name, numberOrNull(row[column])]));
  return {
    scope: row.scope,
    id: row.id,
    name: row.name,
    updatedAt: row.updated_at,
    ...(limits as unknown as BudgetLimits),
    day: stateOf(row, 'day'),
    month: stateOf(row, 'month'),
  };
}

/** The counters of the row belong to the period of its `day`; in a later one nothing is used yet. */
function stateOf(row: BudgetRow, period: BudgetPeriod): BudgetState {
  const length = period === 'day' ? 10 : 7;
  const isPresent = row.day.slice(0, length) === row.today.slice(0, length);
  const amount = (name: string): number => (isPresent ? Number(row[`${period}_${name}`]) : 0);
  const moment = (name: string): Date | null => (isPresent ? (row[`${period}_${name}`] as Date | null) : null);
  const start = period === 'day' ? row.today : `${row.today.slice(0, 7)}-01`;
  return {
    startsAt: new Date(`${start}T00:00:00.000Z`),
    resetsAt: resetOf(period, start),
    usedMicroUsd: amount('used_micro_usd'),
    usedTokens: amount('used_tokens'),
    reservedMicroUsd: amount('held_micro_usd'),
    reservedTokens: amount('held_tokens'),
    softLimitReachedAt: moment('soft_at'),
    hardLimitReachedAt: moment('hard_at'),
  };
}

const numberOrNull = (value: unknown): number | null => (value === null || value === undefined ? null : Number(value));
