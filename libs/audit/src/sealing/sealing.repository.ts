import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';
import type { ChainPoint, ChainedEvent } from './chain.js';

/** The columns of a row as it is hashed. */
export const EVENT_COLUMNS = `id, org_id AS "orgId", to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
  type, subject, action, resource, result, reason, metadata`;

/** A row with the place it was given. */
export interface SealedRow {
  readonly id: string;
  readonly point: ChainPoint;
}

/** An organisation's chain: its last row, and the last one that retention deleted. */
export interface Chain {
  readonly orgId: string;
  readonly head: ChainPoint;
  readonly anchor: ChainPoint;
}

interface ChainRow {
  readonly orgId: string;
  readonly seq: string;
  readonly hash: Buffer;
  readonly anchorSeq: string;
  readonly anchorHash: Buffer;
}

const SEALERS_LOCK = 7_266_841;
const CHAIN = `org_id AS "orgId", seq, hash, anchor_seq AS "anchorSeq", anchor_hash AS "anchorHash"`;

/** What the sealer and retention read and write; across organisations, since they serve all of them. */
@Injectable()
export class SealingRepository {
  constructor(@Inject(Database) readonly database: Database) {}

  async hasUnsealed(): Promise<boolean> {
    const rows = await this.database.named(
      'audit_has_unsealed',
      'SELECT 1 FROM audit_events WHERE seq IS NULL LIMIT 1',
    );
    return rows.length > 0;
  }

  /** Makes `tx` the only one that seals; false when another does. */
  async becomeSealer(tx: Tx): Promise<boolean> {
    const [row] = await tx.query<{ locked: boolean }>(
      `SELECT pg_try_advisory_xact_lock($1) AS locked, set_config('rookery.audit', 'sealing', true)`,
      [SEALERS_LOCK],
    );
    return row?.locked ?? false;
  }

  /** Rows without a place, wherever they come from: one that was committed late is simply found later. */
  unsealed(tx: Tx, limit: number): Promise<ChainedEvent[]> {
    return tx.named(
      'audit_unsealed',
      `SELECT ${EVENT_COLUMNS} FROM audit_events WHERE seq IS NULL ORDER BY audit_events.id LIMIT $1`,
      [limit],
    );
  }

  async heads(tx: Tx, orgIds: readonly string[]): Promise<Map<string, ChainPoint>> {
    const rows = await tx.named<ChainRow>(
      'audit_heads',
      `SELECT ${CHAIN} FROM audit_heads WHERE org_id = ANY($1) FOR UPDATE`,
      [orgIds],
    );
    return new Map(rows.map((row) => [row.orgId, { seq: Number(row.seq), hash: row.hash }]));
  }

  async store(tx: Tx, rows: readonly SealedRow[], heads: ReadonlyMap<string, ChainPoint>): Promise<void> {
    await tx.named(
      'audit_seal',
      `UPDATE audit_events e SET seq = s.seq, hash = s.hash
         FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) AS s(id, seq, hash) WHERE e.id = s.id`,
      [rows.map(({ id }) => id), rows.map(({ point }) => point.seq), rows.map(({ point }) => point.hash)],
    );
    await tx.named(
      'audit_move_heads',
      `INSERT INTO audit_heads (org_id, seq, hash)
       SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[])
       ON CONFLICT (org_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, sealed_at = clock_timestamp()`,
      [[...heads.keys()], [...heads.values()].map(({ seq }) => seq), [...heads.values()].map(({ hash }) => hash)],
    );
  }

  /** Chains that moved since a time (all without one), by organisation, after `afterId`. */
  async chains(since: Date | undefined, afterId: string | undefined, limit: number): Promise<Chain[]> {
    const rows = await this.database.query<ChainRow>(
      `SELECT ${CHAIN} FROM audit_heads
       WHERE ($1::timestamptz IS NULL OR sealed_at >= $1) AND ($2::uuid IS NULL OR org_id > $2) ORDER BY org_id LIMIT $3`,
      [since ?? null, afterId ?? null, limit],
    );
    return rows.map(chainOf);
  }

  /** Chains whose oldest row is older than `before`. */
  async agedChains(before: Date, limit: number): Promise<Scope[]> {
    return this.database.query(
      `SELECT h.org_id AS "orgId" FROM audit_heads h
         JOIN audit_events e ON e.org_id = h.org_id AND e.seq = h.anchor_seq + 1
        WHERE e.at < $1 LIMIT $2`,
      [before, limit],
    );
  }

  async lockChain(tx: Tx, scope: Scope): Promise<Chain | undefined> {
    const [row] = await tx.query<ChainRow>(`SELECT ${CHAIN} FROM audit_heads WHERE org_id = $1 FOR UPDATE`, [
      scope.orgId,
    ]);
    return row && chainOf(row);
  }

  /** The last of up to `limit` rows after the anchor that are all older than `before`. */
  async lastAged(tx: Tx, chain: Chain, before: Date, limit: number): Promise<ChainPoint | undefined> {
    const [row] = await tx.query<{ seq: string; hash: Buffer }>(
      `WITH oldest AS (
         SELECT seq, hash, at FROM audit_events WHERE org_id = $1 AND seq > $2 AND seq <= $2 + $4::bigint)
       SELECT seq, hash FROM oldest
       WHERE seq < coalesce((SELECT min(seq) FROM oldest WHERE at >= $3), 9223372036854775807)
       ORDER BY seq DESC LIMIT 1`,
      [chain.orgId, chain.anchor.seq, before, limit],
    );
    return row && { seq: Number(row.seq), hash: row.hash };
  }

  /** Deletes the rows up to `anchor`, and keeps the signed statement that they were. @returns how many. */
  async deleteUpTo(tx: Tx, chain: Chain, anchor: ChainPoint, statement: object): Promise<number> {
    await tx.query(`SELECT set_config('rookery.audit', 'retention', true)`);
    const [row] = await tx.query<{ deleted: number }>(
      `WITH gone AS (DELETE FROM audit_events WHERE org_id = $1 AND seq <= $2 RETURNING 1)
       SELECT count(*)::int AS deleted FROM gone`,
      [chain.orgId, anchor.seq],
    );
    await tx.query('UPDATE audit_heads SET anchor_seq = $2, anchor_hash = $3, anchor = $4 WHERE org_id = $1', [
      chain.orgId,
      anchor.seq,
      anchor.hash,
      statement,
    ]);
    return row?.deleted ?? 0;
  }

  /** Forgets throttles whose time is over. */
  async sweepThrottles(limit: number): Promise<void> {
    await this.database.query(
      `DELETE FROM audit_throttles WHERE key IN (SELECT key FROM audit_throttles
         WHERE until < now() LIMIT $1 FOR UPDATE SKIP LOCKED)`,
      [limit],
    );
  }
}

const chainOf = (row: ChainRow): Chain => ({
  orgId: row.orgId,
  head: { seq: Number(row.seq), hash: row.hash },
  anchor: { seq: Number(row.anchorSeq), hash: row.anchorHash },
});
