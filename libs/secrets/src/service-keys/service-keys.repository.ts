import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import { type Scope, newId } from '#libs/kernel';
import type { ServiceKey, ServiceName } from './service-key.js';

const KEY = `id, service, masked_key AS "maskedKey", is_active AS "isActive", last_validated_at AS "lastValidatedAt",
  created_at AS "createdAt", updated_at AS "updatedAt"`;

/** Table `service_keys`: at most one row for each service. */
@Injectable()
export class ServiceKeysRepository {
  constructor(@Inject(Database) readonly database: Database) {}

  list(scope: Scope): Promise<ServiceKey[]> {
    return this.database.query(`SELECT ${KEY} FROM service_keys WHERE org_id = $1 ORDER BY created_at, service`, [
      scope.orgId,
    ]);
  }

  async find(sql: Sql, scope: Scope, service: ServiceName): Promise<ServiceKey | undefined> {
    const [row] = await sql.query<ServiceKey>(`SELECT ${KEY} FROM service_keys WHERE org_id = $1 AND service = $2`, [
      scope.orgId,
      service,
    ]);
    return row;
  }

  /** Makes or replaces the row. @returns it, and whether it is new. */
  async save(
    tx: Tx,
    scope: Scope,
    key: { readonly service: ServiceName; readonly maskedKey: string; readonly isValidated: boolean },
  ): Promise<ServiceKey & { readonly isNew: boolean }> {
    const [row] = await tx.query<ServiceKey & { isNew: boolean }>(
      `INSERT INTO service_keys (id, org_id, service, masked_key, last_validated_at)
       VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN now() END)
       ON CONFLICT (org_id, service) DO UPDATE SET masked_key = excluded.masked_key, is_active = true,
         last_validated_at = excluded.last_validated_at, updated_at = now()
       RETURNING ${KEY}, xmax = 0 AS "isNew"`,
      [newId(), scope.orgId, key.service, key.maskedKey, key.isValidated],
    );
    if (!row) throw new Error('the service key was not stored');
    return row;
  }

  /** Notes what the service said, unless the key was replaced meanwhile. Moments were read to the millisecond. */
  async judge(scope: Scope, key: ServiceKey, isValid: boolean): Promise<void> {
    await this.database.query(
      `UPDATE service_keys SET is_active = $4, last_validated_at = CASE WHEN $4 THEN now() ELSE last_validated_at END
       WHERE org_id = $1 AND id = $2 AND date_trunc('milliseconds', updated_at) = $3`,
      [scope.orgId, key.id, key.updatedAt, isValid],
    );
  }

  async remove(tx: Tx, scope: Scope, id: string): Promise<ServiceName | undefined> {
    const [row] = await tx.query<{ service: ServiceName }>(
      'DELETE FROM service_keys WHERE org_id = $1 AND id = $2 RETURNING service',
      [scope.orgId, id],
    );
    return row?.service;
  }
}
