import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';

/** A job to be sent, as the outbox keeps it. */
export interface OutboxRow {
  readonly id: string;
  readonly queue: string;
  readonly job: string;
  readonly payload: object;
  readonly options: OutboxOptions;
  /** When its transaction began; with `id` it names the job, also after a restored backup gave ids anew. */
  readonly createdAt: Date;
}

/** How BullMQ is to treat the job. Kept in the row, so that any worker can send it without knowing the job. */
export interface OutboxOptions {
  readonly attempts: number;
  readonly backoffMs: number;
  readonly deduplicationId?: string;
}

const COLUMNS = 'id, queue, job, payload, options, created_at AS "createdAt"';

/** Rows wait here from the transaction that rings until the queue has the job. */
@Injectable()
export class Outbox {
  constructor(@Inject(Database) private readonly database: Database) {}

  async insert(tx: Tx, row: Omit<OutboxRow, 'id' | 'createdAt'>): Promise<OutboxRow> {
    const [inserted] = await tx.named<OutboxRow>(
      'outbox_insert',
      `INSERT INTO outbox (queue, job, payload, options) VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`,
      [row.queue, row.job, row.payload, row.options],
    );
    return inserted!;
  }

  /** Locks rows older than `minAgeMs` that nobody else is sending; they stay locked until `tx` ends. */
  async take(tx: Tx, minAgeMs: number, limit: number): Promise<OutboxRow[]> {
    return tx.named<OutboxRow>(
      'outbox_take',
      `SELECT ${COLUMNS} FROM outbox WHERE created_at < now() - $1 * interval '1 ms'
       ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED`,
      [minAgeMs, limit],
    );
  }

  async delete(ids: readonly string[], on: Sql = this.database): Promise<void> {
    if (ids.length > 0) await on.named('outbox_delete', 'DELETE FROM outbox WHERE id = ANY ($1::bigint[])', [ids]);
  }
}
