import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';

/** For rows of `agent_skills a`: that its content may be used. */
export const NOT_DISABLED = `NOT EXISTS (
  SELECT 1 FROM disabled_digests d WHERE d.digest = a.digest AND (d.org_id IS NULL OR d.org_id = a.org_id))`;

/** A content that no agent may have: of any organisation where `orgId` is null. */
export interface DisabledDigest {
  readonly digest: string;
  readonly orgId: string | null;
  readonly reason: string;
  readonly disabledBy: string;
  readonly createdAt: Date;
}

const COLUMNS = 'digest, org_id AS "orgId", reason, disabled_by AS "disabledBy", created_at AS "createdAt"';

/** Rows of `disabled_digests`. */
@Injectable()
export class DisabledDigestsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /**
   * Until `tx` ends nobody disables the digest: what is made of the answer is seen by whoever does it afterwards.
   */
  async isDisabled(tx: Tx, scope: Scope, digest: string): Promise<boolean> {
    await tx.query('SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))', [`skill-digest|${digest}`]);
    const sql = 'SELECT 1 FROM disabled_digests WHERE digest = $1 AND (org_id IS NULL OR org_id = $2)';
    return (await tx.query(sql, [digest, scope.orgId])).length > 0;
  }

  /** Those that concern the organisation, newest first. */
  list(scope: Scope, limit: number): Promise<DisabledDigest[]> {
    return this.database.query<DisabledDigest>(
      `SELECT ${COLUMNS} FROM disabled_digests WHERE org_id IS NULL OR org_id = $1 ORDER BY created_at DESC, digest LIMIT $2`,
      [scope.orgId, limit],
    );
  }
}
