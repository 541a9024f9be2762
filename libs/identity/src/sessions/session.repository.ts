import { Injectable } from '@nestjs/common';
import type { Sql, Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';

/** A refresh token's row with the state of its session and user, locked. */
export interface RefreshState {
  readonly email: string;
  readonly alive: boolean;
  readonly isActive: boolean;
  readonly expired: boolean;
  readonly used: boolean;
  /** Used so short a while ago that a racing client may still present it. */
  readonly inGrace: boolean;
  readonly successorId: string | null;
  readonly successorIssuedAt: Date | null;
}

const NETWORK_HASH = `sha256(convert_to(u.id::text || '|' || $2, 'UTF8'))`;

/** Tables `login_sessions`, `refresh_tokens` and `sign_in_networks`. Times are the database's, cut to whole seconds where a token carries them. */
@Injectable()
export class SessionRepository {
  async open(tx: Tx, scope: Scope, session: { id: string; userId: string; seconds: number }): Promise<void> {
    await tx.query(
      `INSERT INTO login_sessions (id, user_id, org_id, expires_at)
       VALUES ($1, $2, $3, now() + make_interval(secs => $4))`,
      [session.id, session.userId, scope.orgId, session.seconds],
    );
  }

  /** @returns when the token was issued. */
  async addToken(tx: Tx, scope: Scope, token: { id: string; sessionId: string; seconds: number }): Promise<Date> {
    const [row] = await tx.query<{ issued_at: Date }>(
      `WITH session AS (
         UPDATE login_sessions SET expires_at = date_trunc('second', clock_timestamp()) + make_interval(secs => $3)
         WHERE id = $2 AND org_id = $4 RETURNING id, expires_at)
       INSERT INTO refresh_tokens (id, session_id, issued_at, expires_at)
       SELECT $1, id, expires_at - make_interval(secs => $3), expires_at FROM session RETURNING issued_at`,
      [token.id, token.sessionId, token.seconds, scope.orgId],
    );
    if (!row) throw new Error('the login session vanished');
    return row.issued_at;
  }

  /** Locks the session, so that two uses of one token are told apart. */
  async lockToken(
    tx: Tx,
    scope: Scope,
    token: { tokenId: string; sessionId: string; userId: string },
    graceSeconds: number,
  ): Promise<RefreshState | undefined> {
    await tx.query('SELECT 1 FROM login_sessions WHERE id = $1 AND org_id = $2 FOR UPDATE', [
      token.sessionId,
      scope.orgId,
    ]);
    const [row] = await tx.query<RefreshState>(
      `SELECT u.email, u.is_active AS "isActive",
              s.revoked_at IS NULL AND EXISTS (SELECT 1 FROM memberships m
                WHERE m.org_id = s.org_id AND m.user_id = s.user_id AND m.status = 'ACTIVE') AS alive,
              t.expires_at <= clock_timestamp() AS expired, t.used_at IS NOT NULL AS used,
              coalesce(t.used_at > clock_timestamp() - make_interval(secs => $5), false) AS "inGrace",
              t.successor_id AS "successorId", next.issued_at AS "successorIssuedAt"
       FROM refresh_tokens t
       JOIN login_sessions s ON s.id = t.session_id
       JOIN users u ON u.id = s.user_id
       LEFT JOIN refresh_tokens next ON next.id = t.successor_id
       WHERE t.id = $1 AND s.id = $2 AND s.user_id = $3 AND s.org_id = $4`,
      [token.tokenId, token.sessionId, token.userId, scope.orgId, graceSeconds],
    );
    return row;
  }

  async markUsed(tx: Tx, scope: Scope, tokenId: string, successorId: string): Promise<void> {
    await tx.query(
      `UPDATE refresh_tokens SET used_at = clock_timestamp(), successor_id = $2
       WHERE id = $1 AND session_id IN (SELECT id FROM login_sessions WHERE org_id = $3)`,
      [tokenId, successorId, scope.orgId],
    );
  }

  async revoke(sql: Sql, scope: Scope, sessionId: string, reason: string): Promise<void> {
    await sql.query(
      `UPDATE login_sessions SET revoked_at = now(), revoked_reason = $3
       WHERE id = $1 AND org_id = $2 AND revoked_at IS NULL`,
      [sessionId, scope.orgId, reason],
    );
  }

  /** Ends a user's sessions in one organisation. */
  async revokeAll(tx: Tx, scope: Scope, userId: string, reason: string): Promise<void> {
    await tx.query(
      `UPDATE login_sessions SET revoked_at = now(), revoked_reason = $3
       WHERE user_id = $1 AND org_id = $2 AND revoked_at IS NULL`,
      [userId, scope.orgId, reason],
    );
  }

  /** Ends every session of a user, in all organisations, but the one kept. @returns the ids ended. */
  async revokeOthers(tx: Tx, userId: string, keptSessionId: string | undefined): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(
      `UPDATE login_sessions SET revoked_at = now(), revoked_reason = 'password_changed'
       WHERE user_id = $1 AND revoked_at IS NULL AND id IS DISTINCT FROM $2::uuid RETURNING id`,
      [userId, keptSessionId ?? null],
    );
    return rows.map(({ id }) => id);
  }

  /** The user has proved from a network who they are. It is kept as a hash, and written at most once a day. */
  async rememberNetwork(tx: Tx, userId: string, network: string): Promise<void> {
    await tx.query(
      `INSERT INTO sign_in_networks AS known (user_id, network_hash) SELECT u.id, ${NETWORK_HASH} FROM users u WHERE u.id = $1
       ON CONFLICT (user_id, network_hash) DO UPDATE SET last_at = now() WHERE known.last_at < now() - interval '1 day'`,
      [userId, network],
    );
  }

  /** Whether the account with this address was signed in to from the network in the last 90 days. */
  async knowsNetwork(sql: Sql, email: string, network: string): Promise<boolean> {
    const rows = await sql.query(
      `SELECT 1 FROM users u JOIN sign_in_networks n ON n.user_id = u.id AND n.network_hash = ${NETWORK_HASH}
       WHERE lower(u.email) = lower($1) AND n.last_at > now() - interval '90 days'`,
      [email, network],
    );
    return rows.length > 0;
  }

  /** Deletes up to `batch` networks that were not signed in from for 90 days. */
  async sweepNetworks(sql: Sql, batch: number): Promise<void> {
    await sql.query(
      `DELETE FROM sign_in_networks WHERE (user_id, network_hash) IN (SELECT user_id, network_hash FROM sign_in_networks
         WHERE last_at < now() - interval '90 days' LIMIT $1 FOR UPDATE SKIP LOCKED)`,
      [batch],
    );
  }

  /** Deletes up to `batch` sessions, and as many tokens of living ones, that expired over a day ago. */
  async sweep(sql: Sql, batch: number): Promise<void> {
    await sql.query(
      `DELETE FROM login_sessions WHERE id IN (SELECT id FROM login_sessions
         WHERE expires_at < now() - interval '1 day' LIMIT $1 FOR UPDATE SKIP LOCKED)`,
      [batch],
    );
    await sql.query(
      `DELETE FROM refresh_tokens WHERE id IN (SELECT id FROM refresh_tokens
         WHERE expires_at < now() - interval '1 day' LIMIT $1 FOR UPDATE SKIP LOCKED)`,
      [batch],
    );
  }
}
