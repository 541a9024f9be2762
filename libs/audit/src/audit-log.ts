import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { Notices } from '#libs/events';
import type { Scope } from '#libs/kernel';
import { type CounterMetric, Logger, Metrics } from '#libs/observability';
import { LRUCache } from 'lru-cache';
import type { AuditEvent } from './audit-event.js';

/** Topic of notices that an organisation (the key) has rows to seal. */
export const AUDIT_TOPIC = 'audit';

const COLUMNS = 'org_id, type, subject, action, resource, result, reason, metadata';
const INSERT = `INSERT INTO audit_events (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`;
const INSERT_ONCE = `
WITH turn AS (
  INSERT INTO audit_throttles (key, until) VALUES ($9, clock_timestamp() + make_interval(secs => $10))
  ON CONFLICT (key) DO UPDATE SET until = excluded.until WHERE audit_throttles.until <= clock_timestamp()
  RETURNING 1)
INSERT INTO audit_events (${COLUMNS}) SELECT $1, $2, $3, $4, $5, $6, $7, $8 FROM turn RETURNING 1`;
const LONGEST_TEXT = 500;
const MOST_REMEMBERED = 10_000;

/** Where every use case writes what was done, by whom and how it ended. Rows are sealed into a chain shortly after. */
@Injectable()
export class AuditLog {
  private readonly lately = new LRUCache<string, true>({ max: MOST_REMEMBERED });
  private readonly written: CounterMetric<'type' | 'result'>;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Logger) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    const help = 'Rows this process wrote to the audit log, by type and result';
    this.written = metrics.counter('openclaw_audit_events_total', help, ['type', 'result']);
  }

  /** Writes the row in the caller's transaction: it is there exactly when what it tells of was committed. One insert, no lock. */
  async append(tx: Tx, scope: Scope, event: AuditEvent): Promise<void> {
    await tx.named('audit_append', INSERT, rowOf(scope, event));
    this.count(event);
    this.notices.notifyAfter(tx, AUDIT_TOPIC, scope.orgId);
  }

  /** The same where nothing else is written: refusals, failed sign-ins. @throws DomainError `unavailable`. */
  async record(scope: Scope, event: AuditEvent): Promise<void> {
    await this.database.named('audit_append', INSERT, rowOf(scope, event));
    this.count(event);
    this.notices.notify(AUDIT_TOPIC, scope.orgId);
  }

  /**
   * Writes what happens often at most once in `seconds` for each `key`, across all processes. It never throws: what
   * it tells of is under way already.
   */
  async recordOnce(scope: Scope, event: AuditEvent, every: { key: string; seconds: number }): Promise<void> {
    const key = `${scope.orgId}|${every.key}`;
    if (this.lately.has(key)) return;
    this.lately.set(key, true, { ttl: every.seconds * 1_000 });
    const hash = createHash('sha256').update(key).digest();
    try {
      const values = [...rowOf(scope, event), hash, every.seconds];
      const written = await this.database.named('audit_append_once', INSERT_ONCE, values);
      if (written.length > 0) this.count(event);
      this.notices.notify(AUDIT_TOPIC, scope.orgId);
    } catch (error) {
      this.lately.delete(key);
      this.logger.warn('an audit event was not written', { error, action: event.action });
    }
  }

  private count({ type, result }: AuditEvent): void {
    this.written.inc({ type, result });
  }
}

/** Text as Postgres takes it, in jsonb too: a refused row would roll back what it tells of. */
const short = (text: string): string => Buffer.from(text.replaceAll('\0', '').slice(0, LONGEST_TEXT)).toString();

const facts = (metadata: NonNullable<AuditEvent['metadata']>): AuditEvent['metadata'] =>
  Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [name, typeof value === 'string' ? short(value) : value]),
  );

const rowOf = (scope: Scope, event: AuditEvent): unknown[] => [
  scope.orgId,
  event.type,
  short(event.subject),
  short(event.action),
  short(event.resource),
  event.result,
  event.reason === undefined ? null : short(event.reason),
  facts(event.metadata ?? {}),
];
