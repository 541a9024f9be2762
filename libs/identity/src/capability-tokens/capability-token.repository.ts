import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import type { Page, PageRequest, Role, Scope } from '#libs/kernel';
import type { CapabilityToken } from './capability-token.js';

/** Which tokens to list. */
export interface ListTokens extends PageRequest {
  readonly peerId?: string | undefined;
  /** Only expired ones, or only those that are not. */
  readonly expired?: boolean | undefined;
}

/** A token with what its maker may do at present, and until when it counts. */
export interface BearerRow extends CapabilityToken {
  readonly orgId: string;
  readonly createdBy: string;
  readonly role: Role;
  readonly validUntil: Date;
}

export type NewToken = Omit<CapabilityToken, 'issuedAt' | 'expiresAt'> & { readonly createdBy: string };

const TOKEN = `t.jti, t.peer_id AS "peerId", t.capabilities, t.max_gpu_minutes AS "maxGpuMinutes",
  t.max_concurrent_tasks AS "maxConcurrentTasks", t.data_scope AS "dataScope", t.parent_jti AS "parentJti",
  t.issued_at AS "issuedAt", t.expires_at AS "expiresAt"`;
const ALIVE = '(t.revoked_at IS NULL AND (t.grace_until IS NULL OR t.grace_until > now()))';
/** A token by its id, or by the masked form in which lists show it. */
const NAMED = `(t.jti::text = $2 OR left(t.jti::text, 8) || '...' || right(t.jti::text, 4) = $2)`;

/** Table `capability_tokens`. */
@Injectable()
export class CapabilityTokenRepository {
  constructor(@Inject(Database) readonly database: Database) {}

  /** Expires `seconds` after `from` (now without one), cut to whole seconds, as the token says it. */
  async insert(tx: Tx, scope: Scope, token: NewToken, seconds: number, from?: Date): Promise<CapabilityToken> {
    const [row] = await tx.query<CapabilityToken>(
      `INSERT INTO capability_tokens AS t (jti, org_id, created_by, peer_id, capabilities, max_gpu_minutes,
         max_concurrent_tasks, data_scope, parent_jti, issued_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp(),
         date_trunc('second', coalesce($11::timestamptz, now())) + make_interval(secs => $10)) RETURNING ${TOKEN}`,
      [
        token.jti,
        scope.orgId,
        token.createdBy,
        token.peerId,
        [...token.capabilities],
        token.maxGpuMinutes,
        token.maxConcurrentTasks,
        [...token.dataScope],
        token.parentJti,
        seconds,
        from ?? null,
      ],
    );
    if (!row) throw new Error('the capability token was not stored');
    return row;
  }

  /** Counted under the organisation's row lock, so that two made at once can't both be the last. */
  async countLocked(tx: Tx, scope: Scope): Promise<number> {
    await tx.query('SELECT 1 FROM organisations WHERE id = $1 FOR NO KEY UPDATE', [scope.orgId]);
    const [row] = await tx.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM capability_tokens t WHERE org_id = $1 AND expires_at > now() AND ${ALIVE}`,
      [scope.orgId],
    );
    return row?.count ?? 0;
  }

  /** Newest first, without those that were revoked. */
  async list(scope: Scope, query: ListTokens): Promise<Page<CapabilityToken>> {
    const rows = await this.database.query<CapabilityToken & { total: number }>(
      `SELECT ${TOKEN}, (count(*) OVER ())::int AS total FROM capability_tokens t
       WHERE t.org_id = $1 AND ${ALIVE} AND ($2::text IS NULL OR t.peer_id = $2)
         AND ($3::boolean IS NULL OR (t.expires_at <= now()) = $3)
       ORDER BY t.issued_at DESC, t.jti LIMIT $4 OFFSET $5`,
      [scope.orgId, query.peerId ?? null, query.expired ?? null, query.limit, query.offset],
    );
    return { items: rows.map(({ total: _total, ...token }) => token), total: rows[0]?.total ?? 0 };
  }

  /** Locks a token; undefined when there is none of that name. */
  async lock(
    tx: Tx,
    scope: Scope,
    name: string,
  ): Promise<(CapabilityToken & { isRotated: boolean; isRevoked: boolean; isExpired: boolean }) | undefined> {
    const rows = await tx.query<CapabilityToken & { isRotated: boolean; isRevoked: boolean; isExpired: boolean }>(
      `SELECT ${TOKEN}, t.grace_until IS NOT NULL AS "isRotated", t.revoked_at IS NOT NULL AS "isRevoked",
              t.expires_at <= now() AS "isExpired"
       FROM capability_tokens t WHERE t.org_id = $1 AND ${NAMED} FOR UPDATE`,
      [scope.orgId, name.toLowerCase()],
    );
    return rows.length === 1 ? rows[0] : undefined;
  }

  async retire(tx: Tx, scope: Scope, jti: string, graceSeconds: number): Promise<void> {
    await tx.query(
      `UPDATE capability_tokens SET grace_until = now() + make_interval(secs => $3) WHERE org_id = $1 AND jti = $2`,
      [scope.orgId, jti, graceSeconds],
    );
  }

  async revoke(tx: Tx, scope: Scope, jti: string): Promise<void> {
    await tx.query('UPDATE capability_tokens SET revoked_at = now() WHERE org_id = $1 AND jti = $2', [
      scope.orgId,
      jti,
    ]);
  }

  /** How many of the ids are the organisation's agents or swarms. */
  async countReachable(sql: Sql, scope: Scope, ids: readonly string[]): Promise<number> {
    const [row] = await sql.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM (
         SELECT id FROM agents WHERE org_id = $1 AND id = ANY($2) AND desired_state <> 'deleted'
         UNION ALL SELECT id FROM swarms WHERE org_id = $1 AND id = ANY($2)) known`,
      [scope.orgId, [...ids]],
    );
    return row?.count ?? 0;
  }

  /**
   * For a bearer, who has no organisation yet. Undefined for a token that is revoked, past its grace, or whose maker is
   * inactive or gone.
   */
  async findBearer(jti: string): Promise<BearerRow | undefined> {
    const [row] = await this.database.named<BearerRow>(
      'identity_find_capability',
      `SELECT ${TOKEN}, t.org_id AS "orgId", t.created_by AS "createdBy", m.role,
              least(t.expires_at, t.grace_until) AS "validUntil"
       FROM capability_tokens t
       JOIN users u ON u.id = t.created_by AND u.is_active
       JOIN memberships m ON m.org_id = t.org_id AND m.user_id = t.created_by
       WHERE t.jti = $1 AND t.expires_at > now() AND ${ALIVE}`,
      [jti],
    );
    return row;
  }

  /** Deletes up to `batch` tokens that expired or were revoked over 30 days ago. */
  async sweep(batch: number): Promise<void> {
    await this.database.query(
      `DELETE FROM capability_tokens WHERE jti IN (SELECT jti FROM capability_tokens
         WHERE expires_at < now() - interval '30 days' LIMIT $1 FOR UPDATE SKIP LOCKED)`,
      [batch],
    );
  }
}
