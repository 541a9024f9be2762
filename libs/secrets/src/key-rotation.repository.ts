import type { Database, Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';
import { type SealedSecret, type StoredKey, keysLock } from './secrets.repository.js';

/** A secret that is sealed with an older data key than the newest. */
export interface StaleSecret extends SealedSecret {
  readonly id: string;
  readonly keyVersion: number;
}

/** Rows of `organisation_keys` and `secrets` as rotation moves them. */
export class KeyRotationRepository {
  constructor(readonly database: Database) {}

  /** Organisations with data keys, `limit` of them after `afterId`, whose newest key is older than `before`. */
  async organisations(afterId: string, before: Date, limit: number): Promise<string[]> {
    const rows = await this.database.query<{ org_id: string }>(
      `SELECT org_id FROM organisation_keys WHERE org_id > $1 GROUP BY org_id
       HAVING max(created_at) < $2 OR count(*) > 1 ORDER BY org_id LIMIT $3`,
      [afterId, before, limit],
    );
    return rows.map((row) => row.org_id);
  }

  /** Every key row, `limit` of them after (`afterId`, `afterVersion`). */
  allKeys(afterId: string, afterVersion: number, limit: number): Promise<({ readonly orgId: string } & StoredKey)[]> {
    return this.database.query(
      `SELECT org_id AS "orgId", version, wrapped_key AS wrapped FROM organisation_keys
        WHERE (org_id, version) > ($1, $2) ORDER BY org_id, version LIMIT $3`,
      [afterId, afterVersion, limit],
    );
  }

  /** Only while it is still the one that was read. */
  async replaceWrapped(scope: Scope, key: StoredKey, wrapped: Buffer): Promise<void> {
    await this.database.query(
      'UPDATE organisation_keys SET wrapped_key = $4 WHERE org_id = $1 AND version = $2 AND wrapped_key = $3',
      [scope.orgId, key.version, key.wrapped, wrapped],
    );
  }

  /** Waits for everybody who is sealing secrets of the organisation, and holds back those who come. */
  async lockKeys(tx: Tx, scope: Scope): Promise<void> {
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [keysLock(scope)]);
  }

  /** Newest first. */
  keys(tx: Tx, scope: Scope): Promise<StoredKey[]> {
    return tx.query(
      'SELECT version, wrapped_key AS wrapped FROM organisation_keys WHERE org_id = $1 ORDER BY version DESC',
      [scope.orgId],
    );
  }

  async addKey(tx: Tx, scope: Scope, key: StoredKey): Promise<void> {
    await tx.query('INSERT INTO organisation_keys (org_id, version, wrapped_key) VALUES ($1, $2, $3)', [
      scope.orgId,
      key.version,
      key.wrapped,
    ]);
  }

  /** Up to `limit` secrets sealed with an older key than `version`, locked; without those that are just being deleted. */
  stale(tx: Tx, scope: Scope, version: number, limit: number): Promise<StaleSecret[]> {
    return tx.query(
      `SELECT s.id, s.owner_kind AS "ownerKind", s.owner_id AS "ownerId", s.name, s.version, s.ciphertext,
              s.key_version AS "keyVersion", k.wrapped_key AS wrapped
         FROM secrets s JOIN organisation_keys k ON k.org_id = s.org_id AND k.version = s.key_version
        WHERE s.org_id = $1 AND s.key_version < $2 ORDER BY s.id LIMIT $3 FOR UPDATE OF s SKIP LOCKED`,
      [scope.orgId, version, limit],
    );
  }

  async reseal(tx: Tx, scope: Scope, secret: StaleSecret, keyVersion: number, ciphertext: Buffer): Promise<void> {
    await tx.query('UPDATE secrets SET key_version = $3, ciphertext = $4 WHERE org_id = $1 AND id = $2', [
      scope.orgId,
      secret.id,
      keyVersion,
      ciphertext,
    ]);
  }

  /** Deletes keys older than `version` that no secret needs. */
  async retire(tx: Tx, scope: Scope, version: number): Promise<void> {
    await tx.query(
      `DELETE FROM organisation_keys k WHERE org_id = $1 AND version < $2
          AND NOT EXISTS (SELECT 1 FROM secrets s WHERE s.org_id = $1 AND s.key_version = k.version)`,
      [scope.orgId, version],
    );
  }
}
