import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';
import { HEARTBEAT_INTERVALS, type HeartbeatChange, type HeartbeatSettings, intervalOf } from './heartbeat.js';

interface SettingsRow {
  readonly agent_id: string;
  readonly enabled: boolean;
  readonly interval_seconds: number;
  readonly checklist: string[];
  readonly last_at: Date | null;
  readonly next_at: Date | null;
}

/** A first slot is an interval away; one that is known stays when neither switch nor interval changes. */
const CONFIGURE = `
  INSERT INTO agent_heartbeats AS h (org_id, agent_id, enabled, interval_seconds, checklist, next_at)
  VALUES ($1, $2, coalesce($3::boolean, false), coalesce($4::int, 1800), coalesce($5::text[], '{}'),
          CASE WHEN $3 THEN now() + make_interval(secs => coalesce($4::int, 1800)) END)
  ON CONFLICT (agent_id) DO UPDATE SET enabled = coalesce($3, h.enabled),
    interval_seconds = coalesce($4, h.interval_seconds), checklist = coalesce($5, h.checklist), updated_at = now(),
    next_at = CASE
      WHEN NOT coalesce($3, h.enabled) THEN NULL
      WHEN h.next_at IS NOT NULL AND coalesce($4, h.interval_seconds) = h.interval_seconds THEN h.next_at
      ELSE now() + make_interval(secs => coalesce($4, h.interval_seconds)) END`;

/** Rows of `agent_heartbeats`; an agent that was never asked about has none. */
@Injectable()
export class HeartbeatSettingsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async of(scope: Scope, agentIds: readonly string[]): Promise<Map<string, HeartbeatSettings>> {
    const rows = await this.database.query<SettingsRow>(
      `SELECT agent_id, enabled, interval_seconds, checklist, last_at, next_at FROM agent_heartbeats
        WHERE org_id = $1 AND agent_id = ANY ($2)`,
      [scope.orgId, agentIds],
    );
    return new Map(rows.map((row) => [row.agent_id, toSettings(row)]));
  }

  async configure(tx: Tx, scope: Scope, agentId: string, change: HeartbeatChange): Promise<void> {
    const seconds = change.interval === undefined ? null : HEARTBEAT_INTERVALS[change.interval];
    const values = [scope.orgId, agentId, change.enabled ?? null, seconds, change.checklist ?? null];
    await tx.query(CONFIGURE, values);
  }
}

const toSettings = (row: SettingsRow): HeartbeatSettings => ({
  enabled: row.enabled,
  interval: intervalOf(row.interval_seconds),
  checklist: row.checklist,
  lastAt: row.last_at,
  nextAt: row.enabled ? row.next_at : null,
});
