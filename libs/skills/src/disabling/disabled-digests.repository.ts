import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import type { Page, Scope } from '#libs/kernel';

/** For rows of `agent_skills a`: that its content may be used. */
export const NOT_DISABLED = `NOT EXISTS (
  SELECT 1 FROM disabled_digests d WHERE d.digest = a.digest AND (d.org_id IS NULL OR d.org_id = a.org_id))`;

/** A content that no agent may have. */
export interface DisabledDigest {
  readonly digest: string;
  /** Null: of no organisation. */
  readonly orgId: string | null;
  readonly reason: string;
  readonly disabledBy: string;
  readonly createdAt: Date;
}

const COLUMNS = 'digest, org_id AS "orgId", reason, disabled_by AS "disabledBy", created_at AS "createdAt"';

/** Contents of the catalogue that the organisation sees, and of its agents. */
const KNOWN = `
  SELECT 1 FROM skills WHERE digest = $1 AND (org_id IS NULL OR org_id = $2)
  UNION ALL SELECT 1 FROM agent_skills WHERE digest = $1 AND org_id = $2 LIMIT 1`;

const lockKey = (digest: string): string => `skill-digest|${digest}`;

/** Rows of `disabled_digests`. Whoever asks or changes one locks the digest first, and agents only then. */
@Injectable()
export class DisabledDigestsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Until `tx` ends nobody disables the digest: what is made of the answer is seen by whoever does it afterwards. */
  async isDisabled(tx: Tx, scope: Scope, digest: string): Promise<boolean> {
    await tx.query('SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))', [lockKey(digest)]);
    const sql = 'SELECT 1 FROM disabled_digests WHERE digest = $1 AND (org_id IS NULL OR org_id = $2)';
    return (await tx.query(sql, [digest, scope.orgId])).length > 0;
  }

  /** Makes those who install or switch the digest wait until `tx` ends. */
  async lock(tx: Tx, digest: string): Promise<void> {
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [lockKey(digest)]);
  }

  async isKnown(tx: Tx, scope: Scope, digest: string): Promise<boolean> {
    return (await tx.query(KNOWN, [digest, scope.orgId])).length > 0;
  }

  /** One that is disabled already stays as it is. `orgId` null is for all organisations. */
  async add(tx: Tx, { digest, orgId, reason, disabledBy }: Omit<DisabledDigest, 'createdAt'>): Promise<DisabledDigest> {
    const [row] = await tx.query<DisabledDigest>(
      `WITH added AS (INSERT INTO disabled_digests (digest, org_id, reason, disabled_by) VALUES ($1, $2, $3, $4)
                      ON CONFLICT DO NOTHING RETURNING *)
       SELECT ${COLUMNS} FROM added UNION ALL
       SELECT ${COLUMNS} FROM disabled_digests WHERE digest = $1 AND org_id IS NOT DISTINCT FROM $2`,
      [digest, orgId, reason, disabledBy],
    );
    return row as DisabledDigest;
  }

  /** False when it was not disabled. */
  async remove(tx: Tx, orgId: string | null, digest: string): Promise<boolean> {
    const sql = 'DELETE FROM disabled_digests WHERE digest = $1 AND org_id IS NOT DISTINCT FROM $2 RETURNING 1';
    return (await tx.query(sql, [digest, orgId])).length > 0;
  }

  /** Those that concern the organisation, newest first. */
  async list(scope: Scope, window: { readonly limit: number; readonly offset: number }): Promise<Page<DisabledDigest>> {
    const seen = 'FROM disabled_digests WHERE org_id IS NULL OR org_id = $1';
    const items = await this.database.query<DisabledDigest>(
      `SELECT ${COLUMNS} ${seen} ORDER BY created_at DESC, digest, org_id LIMIT $2 OFFSET $3`,
      [scope.orgId, window.limit, window.offset],
    );
    const [all] = await this.database.query<{ n: number }>(`SELECT count(*)::int AS n ${seen}`, [scope.orgId]);
    return { items, total: all?.n ?? 0 };
  }
}
