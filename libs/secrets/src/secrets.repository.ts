import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { type Scope, newId } from '#libs/kernel';
import type { SecretOwner } from './secret-rules.js';

/** An organisation's data key as it is stored. */
export interface StoredKey {
  readonly version: number;
  readonly wrapped: Buffer;
}

/** A sealed secret with all that its AAD consists of, and the key that opens it. */
export interface SealedSecret {
  readonly ownerKind: SecretOwner['kind'];
  readonly ownerId: string;
  readonly name: string;
  readonly version: number;
  readonly ciphertext: Buffer;
  readonly wrapped: Buffer;
}

/** Where a provider's key may come from. */
export interface KeyLookup {
  readonly orgId: string;
  readonly agentId: string;
  readonly swarmId: string | null;
  readonly name: string;
}

/** The organisation's plan, and the secret that was found first. */
export interface FoundKey {
  readonly plan: string;
  readonly secret: SealedSecret | undefined;
}

type FoundRow = { readonly plan: string } & (SealedSecret | { readonly ciphertext: null });

const FIND_KEY = `
SELECT o.plan, s.owner_kind AS "ownerKind", s.owner_id AS "ownerId", s.name, s.version, s.ciphertext,
       k.wrapped_key AS wrapped
FROM organisations o
LEFT JOIN LATERAL (
  SELECT * FROM secrets
  WHERE org_id = o.id AND name = $4 AND (
    (owner_kind = 'agent' AND owner_id = $2) OR
    (owner_kind = 'swarm' AND owner_id = $3) OR
    (owner_kind = 'organisation' AND owner_id = o.id))
  ORDER BY array_position(ARRAY['agent', 'swarm', 'organisation'], owner_kind) LIMIT 1
) s ON true
LEFT JOIN organisation_keys k ON k.org_id = o.id AND k.version = s.key_version
WHERE o.id = $1`;

/** Name of the lock on an organisation's data keys. */
export const keysLock = (scope: Scope): string => `secret-keys|${scope.orgId}`;

/** Rows of `secrets` and `organisation_keys`; never plaintext. */
@Injectable()
export class SecretsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Makes writers of one owner's secrets take turns until `tx` ends. */
  async lockOwner(tx: Tx, scope: Scope, owner: SecretOwner): Promise<void> {
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
      `secrets|${scope.orgId}|${owner.kind}|${owner.id}`,
    ]);
  }

  /** Keeps the organisation's data keys from being retired until `tx` ends; writers hold them together. */
  async holdKeys(tx: Tx, scope: Scope): Promise<void> {
    await tx.query('SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))', [keysLock(scope)]);
  }

  async newestKey(tx: Tx, scope: Scope): Promise<StoredKey | undefined> {
    const [key] = await tx.query<StoredKey>(
      'SELECT version, wrapped_key AS wrapped FROM organisation_keys WHERE org_id = $1 ORDER BY version DESC LIMIT 1',
      [scope.orgId],
    );
    return key;
  }

  /** Stores the organisation's first key unless another transaction was faster; waits for one that is on its way. */
  async addFirstKey(tx: Tx, scope: Scope, wrapped: Buffer): Promise<void> {
    await tx.query(
      'INSERT INTO organisation_keys (org_id, version, wrapped_key) VALUES ($1, 1, $2) ON CONFLICT DO NOTHING',
      [scope.orgId, wrapped],
    );
  }

  /** Present versions by name. */
  async versions(tx: Tx, scope: Scope, owner: SecretOwner): Promise<Map<string, number>> {
    const rows = await tx.query<{ name: string; version: number }>(
      'SELECT name, version FROM secrets WHERE org_id = $1 AND owner_kind = $2 AND owner_id = $3',
      [scope.orgId, owner.kind, owner.id],
    );
    return new Map(rows.map((row) => [row.name, row.version]));
  }

  async save(
    tx: Tx,
    scope: Scope,
    owner: SecretOwner,
    secret: {
      readonly name: string;
      readonly version: number;
      readonly keyVersion: number;
      readonly ciphertext: Buffer;
    },
  ): Promise<void> {
    await tx.query(
      `INSERT INTO secrets (id, org_id, owner_kind, owner_id, name, version, key_version, ciphertext)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       ON CONFLICT (org_id, owner_kind, owner_id, name) DO UPDATE
       SET version = excluded.version, key_version = excluded.key_version, ciphertext = excluded.ciphertext,
           updated_at = now()`,
      [newId(), scope.orgId, owner.kind, owner.id, secret.name, secret.version, secret.keyVersion, secret.ciphertext],
    );
  }

  async names(scope: Scope, owner: SecretOwner): Promise<string[]> {
    const rows = await this.database.query<{ name: string }>(
      'SELECT name FROM secrets WHERE org_id = $1 AND owner_kind = $2 AND owner_id = $3 ORDER BY name',
      [scope.orgId, owner.kind, owner.id],
    );
    return rows.map((row) => row.name);
  }

  async remove(tx: Tx, scope: Scope, owner: SecretOwner, names: readonly string[]): Promise<void> {
    await tx.query('DELETE FROM secrets WHERE org_id = $1 AND owner_kind = $2 AND owner_id = $3 AND name = ANY($4)', [
      scope.orgId,
      owner.kind,
      owner.id,
      names,
    ]);
  }

  async removeOwner(tx: Tx, scope: Scope, owner: SecretOwner): Promise<void> {
    await tx.query('DELETE FROM secrets WHERE org_id = $1 AND owner_kind = $2 AND owner_id = $3', [
      scope.orgId,
      owner.kind,
      owner.id,
    ]);
  }

  /** Waits for writers under way. @returns whose secrets went. */
  async destroy(tx: Tx, scope: Scope): Promise<string[]> {
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [keysLock(scope)]);
    const rows = await tx.query<{ owner_id: string }>('DELETE FROM secrets WHERE org_id = $1 RETURNING owner_id', [
      scope.orgId,
    ]);
    await tx.query('DELETE FROM organisation_keys WHERE org_id = $1', [scope.orgId]);
    return [...new Set(rows.map((row) => row.owner_id))];
  }

  /** One statement: the nearest secret of that name among agent, swarm and organisation. Undefined: no organisation. */
  async findKey(lookup: KeyLookup): Promise<FoundKey | undefined> {
    const [row] = await this.database.named<FoundRow>('secrets_find_key', FIND_KEY, [
      lookup.orgId,
      lookup.agentId,
      lookup.swarmId,
      lookup.name,
    ]);
    if (!row) return undefined;
    return { plan: row.plan, secret: row.ciphertext === null ? undefined : row };
  }
}
