import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { type Scope, newId } from '#libs/kernel';
import type { AlertName, AlertSettings, ChangeSettings } from './monitoring.js';

const COLUMNS = `buffer_utilization AS "bufferUtilization", crash_count AS "crashCount", revocation_rate AS "revocationRate",
  ip_pool_utilization AS "ipPoolUtilization", webhook_url AS "webhookUrl", webhook_nonce AS "webhookNonce",
  updated_at AS "updatedAt"`;

/** A nonce makes the secret of a webhook; a new address gets a new one. */
export type StoredSettings = AlertSettings & { readonly webhookNonce: string | null };

/** What an organisation is watched by, and what it was told last. */
export interface Watched extends StoredSettings {
  readonly orgId: string;
  readonly raised: readonly AlertName[];
}

/** Rows of `alert_settings`, one an organisation. */
@Injectable()
export class AlertSettingsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async find(scope: Scope): Promise<StoredSettings | undefined> {
    const rows = await this.database.query<StoredSettings>(`SELECT ${COLUMNS} FROM alert_settings WHERE org_id = $1`, [
      scope.orgId,
    ]);
    return rows[0];
  }

  async change(tx: Tx, scope: Scope, change: ChangeSettings): Promise<StoredSettings> {
    const { bufferUtilization, crashCount, revocationRate, ipPoolUtilization, webhookUrl } = change;
    const [row] = await tx.query<StoredSettings>(
      `INSERT INTO alert_settings AS a (org_id, buffer_utilization, crash_count, revocation_rate, ip_pool_utilization,
                                        webhook_url, webhook_nonce)
       VALUES ($1, coalesce($2, 80), coalesce($3, 3), coalesce($4, 50), coalesce($5, 90), $6,
               CASE WHEN $6::text IS NOT NULL THEN $8::uuid END)
       ON CONFLICT (org_id) DO UPDATE SET buffer_utilization = coalesce($2, a.buffer_utilization),
         crash_count = coalesce($3, a.crash_count), revocation_rate = coalesce($4, a.revocation_rate),
         ip_pool_utilization = coalesce($5, a.ip_pool_utilization),
         webhook_url = CASE WHEN $7 THEN $6 ELSE a.webhook_url END,
         webhook_nonce = CASE WHEN NOT $7 OR $6 IS NOT DISTINCT FROM a.webhook_url THEN a.webhook_nonce
                              WHEN $6::text IS NOT NULL THEN $8::uuid END,
         looked_at = '-infinity', updated_at = clock_timestamp()
       RETURNING ${COLUMNS}`,
      [
        ...[scope.orgId, bufferUtilization ?? null, crashCount ?? null, revocationRate ?? null],
        ...[ipPoolUtilization ?? null, webhookUrl ?? null, webhookUrl !== undefined, newId()],
      ],
    );
    if (!row) throw new Error('the settings were not stored');
    return row;
  }

  /** Every organisation with agents is watched, whether it ever asked for it or not. */
  async watchAll(): Promise<void> {
    await this.database.query(
      `INSERT INTO alert_settings (org_id)
       SELECT DISTINCT a.org_id FROM agents a WHERE NOT EXISTS (SELECT 1 FROM alert_settings s WHERE s.org_id = a.org_id)
       ON CONFLICT DO NOTHING`,
    );
  }

  /** Takes those that were not looked at lately, so that workers share them. */
  due(everySeconds: number, most: number): Promise<{ orgId: string }[]> {
    return this.database.query(
      `UPDATE alert_settings SET looked_at = clock_timestamp() WHERE org_id IN (
         SELECT org_id FROM alert_settings WHERE looked_at < now() - make_interval(secs => $1)
          ORDER BY looked_at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING org_id AS "orgId"`,
      [everySeconds, most],
    );
  }

  /** Under its lock: two that look at once tell it once. */
  async lock(tx: Tx, scope: Scope): Promise<Watched | undefined> {
    const [row] = await tx.query<Watched>(
      `SELECT org_id AS "orgId", raised, ${COLUMNS} FROM alert_settings WHERE org_id = $1 FOR UPDATE`,
      [scope.orgId],
    );
    return row;
  }

  /** @returns the sequence numbers of as many events. */
  async raise(tx: Tx, scope: Scope, raised: readonly AlertName[], events: number): Promise<number[]> {
    const [row] = await tx.query<{ seq: string }>(
      'UPDATE alert_settings SET raised = $2, event_seq = event_seq + $3 WHERE org_id = $1 RETURNING event_seq AS seq',
      [scope.orgId, [...raised], events],
    );
    const last = Number(row?.seq ?? 0);
    return Array.from({ length: events }, (_, index) => last - events + 1 + index);
  }
}
