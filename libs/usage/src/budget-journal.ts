import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import { Database, type Tx } from '#libs/database';
import { EventLog } from '#libs/events';
import type { Caller } from '#libs/kernel';
import { BUDGET_EVENTS, BudgetEvent, type BudgetLimits, type BudgetPeriod, type BudgetTarget } from './budget.js';

type Mark = 'soft' | 'hard';

interface MarkedRow {
  readonly org_id: string;
  readonly event_seq: string;
  readonly data: Record<string, unknown>;
}

/** Marks the period and takes a number for the event, once a period. */
const markSql = (period: BudgetPeriod, mark: Mark): string => `
  UPDATE budgets SET ${period}_${mark}_at = clock_timestamp(), event_seq = event_seq + 1
   WHERE id = $1 AND ${period}_${mark}_at IS NULL
  RETURNING org_id, event_seq, jsonb_build_object(
    'scope', scope_kind, 'scopeId', scope_id, 'period', '${period}', 'day', to_char(day, 'YYYY-MM-DD'),
    'softLimitPercent', soft_limit_percent, 'limitMicroUsd', ${period}_limit_micro_usd,
    'limitTokens', ${period}_limit_tokens, 'usedMicroUsd', ${period}_used_micro_usd,
    'usedTokens', ${period}_used_tokens) AS data`;

/** What happened to budgets, in the event log. */
@Injectable()
export class BudgetJournal {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(EventLog) private readonly log: EventLog,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  /** Writes that a limit was reached, unless this period has that event already. */
  async reached(budgetId: string, period: BudgetPeriod, mark: Mark): Promise<void> {
    await this.database.transaction(async (tx) => {
      const [row] = await tx.query<MarkedRow>(markSql(period, mark), [budgetId]);
      if (!row) return;
      await this.log.append(tx, {
        kind: BUDGET_EVENTS,
        id: budgetId,
        seq: Number(row.event_seq),
        orgId: row.org_id,
        type: BudgetEvent[mark],
        data: row.data,
      });
    });
  }

  async changed(
    tx: Tx,
    caller: Caller,
    budget: { readonly id: string; readonly eventSeq: number },
    target: BudgetTarget,
    limits: BudgetLimits,
  ): Promise<void> {
    const { orgId, subject } = caller;
    const data = { scope: target.scope, scopeId: target.id, by: subject, ...limits };
    const { id, eventSeq: seq } = budget;
    await this.log.append(tx, { kind: BUDGET_EVENTS, id, seq, orgId, type: BudgetEvent.changed, data });
    await this.audit.append(tx, caller, done(caller, 'budget.change', `${target.scope}:${target.id}`, { ...limits }));
  }
}
