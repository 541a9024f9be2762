import { Injectable } from '@nestjs/common';
import type { Sql, Tx } from '#libs/database';
import type { Page, PageRequest, Scope } from '#libs/kernel';
import type { ApiKey } from './api-key.js';

const KEY = `id, name, prefix, scopes, created_by AS "createdBy", created_at AS "createdAt", last_used_at AS "lastUsedAt"`;

/** Table `api_keys`. `makerId` narrows to the keys of one user. */
@Injectable()
export class ApiKeyRepository {
  /** @returns when, or undefined for an id that is taken. */
  async insert(
    tx: Tx,
    scope: Scope,
    key: Omit<ApiKey, 'createdAt' | 'lastUsedAt'>,
    hash: Buffer,
  ): Promise<Date | undefined> {
    const [row] = await tx.query<{ created_at: Date }>(
      `INSERT INTO api_keys (id, org_id, created_by, name, prefix, key_hash, scopes)
       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING RETURNING created_at`,
      [key.id, scope.orgId, key.createdBy, key.name, key.prefix, hash, [...key.scopes]],
    );
    return row?.created_at;
  }

  /** Counted under the organisation's row lock, so that two keys made at once can't both be the last. */
  async countLocked(tx: Tx, scope: Scope): Promise<number> {
    await tx.query('SELECT 1 FROM organisations WHERE id = $1 FOR UPDATE', [scope.orgId]);
    const [row] = await tx.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM api_keys WHERE org_id = $1 AND revoked_at IS NULL',
      [scope.orgId],
    );
    return row?.count ?? 0;
  }

  async list(sql: Sql, scope: Scope, makerId: string | undefined, page: PageRequest): Promise<Page<ApiKey>> {
    const rows = await sql.query<ApiKey & { total: number }>(
      `SELECT ${KEY}, (count(*) OVER ())::int AS total FROM api_keys
       WHERE org_id = $1 AND revoked_at IS NULL AND ($2::uuid IS NULL OR created_by = $2)
       ORDER BY created_at DESC, id LIMIT $3 OFFSET $4`,
      [scope.orgId, makerId ?? null, page.limit, page.offset],
    );
    return { items: rows.map(({ total: _total, ...key }) => key), total: rows[0]?.total ?? 0 };
  }

  /** @returns false when there is no such key to revoke. */
  async revoke(tx: Tx, scope: Scope, makerId: string | undefined, id: string): Promise<boolean> {
    const rows = await tx.query(
      `UPDATE api_keys SET revoked_at = now()
       WHERE org_id = $1 AND id = $2 AND revoked_at IS NULL AND ($3::uuid IS NULL OR created_by = $3) RETURNING 1`,
      [scope.orgId, id, makerId ?? null],
    );
    return rows.length > 0;
  }

  /** Every key that a user made in this organisation. */
  async revokeAll(tx: Tx, scope: Scope, makerId: string): Promise<void> {
    await tx.query(
      'UPDATE api_keys SET revoked_at = now() WHERE org_id = $1 AND created_by = $2 AND revoked_at IS NULL',
      [scope.orgId, makerId],
    );
  }

  /** Deletes up to `batch` keys that were revoked over 30 days ago. */
  async sweep(sql: Sql, batch: number): Promise<void> {
    await sql.query(
      `DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys
         WHERE revoked_at < now() - interval '30 days' LIMIT $1 FOR UPDATE SKIP LOCKED)`,
      [batch],
    );
  }
}
