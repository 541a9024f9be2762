import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';

/** Something that happened to a thing. */
export interface DomainEvent {
  /** What the thing is: `agent`, `task`, … */
  readonly kind: string;
  readonly id: string;
  /** Its place among the thing's events, from 1, without gaps that a reader could miss. */
  readonly seq: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: Date;
}

/** A new event. `seq` was taken under the row lock of the thing: `UPDATE … SET event_seq = event_seq + 1 RETURNING`. */
export type NewEvent = Omit<DomainEvent, 'at'> & { readonly orgId: string };

/** Which events to read. */
export interface EventQuery {
  readonly afterSeq?: number;
  readonly limit: number;
  readonly newestFirst?: boolean;
  /** Only events of this type. */
  readonly type?: string;
}

interface EventRow extends Omit<DomainEvent, 'seq'> {
  readonly seq: string;
}

const COLUMNS = 'thing_kind AS kind, thing_id AS id, seq, type, data, at';

/** The events of every thing. A cursor is a `seq` that was read, never one that a notice carried. */
@Injectable()
export class EventLog {
  constructor(@Inject(Database) private readonly database: Database) {}

  async append(tx: Tx, event: NewEvent): Promise<void> {
    await tx.named(
      'events_append',
      `INSERT INTO events (thing_kind, thing_id, seq, org_id, type, data) VALUES ($1, $2, $3, $4, $5, $6)`,
      [event.kind, event.id, event.seq, event.orgId, event.type, event.data],
    );
  }

  /** One event for each of many things. */
  async appendAll(tx: Tx, events: readonly NewEvent[]): Promise<void> {
    await tx.named(
      'events_append_all',
      `INSERT INTO events (thing_kind, thing_id, seq, org_id, type, data)
       SELECT e.kind, e.id, e.seq, e."orgId", e.type, e.data
         FROM jsonb_to_recordset($1) AS e (kind text, id uuid, seq bigint, "orgId" uuid, type text, data jsonb)`,
      [JSON.stringify(events)],
    );
  }

  /** Events of one thing, oldest first unless asked otherwise. */
  async read(scope: Scope, kind: string, id: string, query: EventQuery): Promise<DomainEvent[]> {
    const order = query.newestFirst ? 'DESC' : 'ASC';
    const rows = await this.database.named<EventRow>(
      `events_read_${order}`,
      `SELECT ${COLUMNS} FROM events
       WHERE thing_kind = $1 AND thing_id = $2 AND seq > $3 AND org_id = $4 AND ($6::text IS NULL OR type = $6)
       ORDER BY seq ${order} LIMIT $5`,
      [kind, id, query.afterSeq ?? 0, scope.orgId, query.limit, query.type ?? null],
    );
    return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
  }

  /** Retention: deletes up to `limit` events older than `before`. @returns how many; fewer than `limit` means done. */
  async deleteBefore(before: Date, limit: number): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM events WHERE ctid = ANY (ARRAY (SELECT ctid FROM events WHERE at < $1 ORDER BY at LIMIT $2))
       RETURNING 1`,
      [before, limit],
    );
    return rows.length;
  }
}
