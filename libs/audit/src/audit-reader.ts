import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { type Caller, DomainError, type Page, type PageRequest, type Scope, roleAtLeast } from '#libs/kernel';
import type { AuditEvent, AuditEventType, AuditResult } from './audit-event.js';

/** An event as it is read: with when it happened. */
export interface AuditRecord extends Required<Omit<AuditEvent, 'reason'>> {
  readonly at: Date;
  readonly reason: string | null;
}

/** Which events to read; newest first. Times are inclusive. */
export interface AuditQuery extends PageRequest {
  /** A subject, or the id of a peer. */
  readonly subject?: string | undefined;
  readonly type?: AuditEventType | undefined;
  readonly result?: AuditResult | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

const MATCH = `org_id = $1 AND ($2::text IS NULL OR subject IN ($2, 'peer:' || $1 || ':' || $2)) AND ($3::text IS NULL OR type = $3)
  AND ($4::text IS NULL OR result = $4) AND ($5::timestamptz IS NULL OR at >= $5)
  AND ($6::timestamptz IS NULL OR at <= $6)`;

/** The audit log for the organisation's own eyes. */
@Injectable()
export class AuditReader {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** @throws DomainError `forbidden` for all but users with the role ADMIN. */
  async list(caller: Caller, query: AuditQuery): Promise<Page<AuditRecord>> {
    if (caller.kind !== 'user' || !roleAtLeast(caller.role, 'ADMIN')) {
      throw new DomainError('forbidden', 'forbidden', 'Reading the audit log needs the role ADMIN');
    }
    return this.find(caller, query);
  }

  private async find(scope: Scope, query: AuditQuery): Promise<Page<AuditRecord>> {
    const { subject, type, result, from, to, limit, offset } = query;
    const match = [scope.orgId, subject ?? null, type ?? null, result ?? null, from ?? null, to ?? null];
    const [[count], items] = await Promise.all([
      this.database.query<{ total: number }>(`SELECT count(*)::int AS total FROM audit_events WHERE ${MATCH}`, match),
      this.database.query<AuditRecord>(
        `SELECT at, type, subject, action, resource, result, reason, metadata FROM audit_events
         WHERE ${MATCH} ORDER BY at DESC, id DESC LIMIT $7 OFFSET $8`,
        [...match, limit, offset],
      ),
    ]);
    return { items, total: count?.total ?? 0 };
  }
}
