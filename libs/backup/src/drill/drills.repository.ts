import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { EventLog } from '#libs/events';
import type { Rehearsed } from './rehearsal.js';

/** Kind of the events of drills; they are told to the organisations of platform admins. */
export const DRILL_EVENTS = 'restore_drill';

/** A drill that has ended. */
export interface DrillResult {
  readonly outcome: 'passed' | 'failed';
  readonly reason: string | null;
  readonly rehearsed: Rehearsed | null;
}

/** The last drill that has ended, and when one last passed. */
export interface DrillState {
  readonly outcome: DrillResult['outcome'];
  /** Of the last one. */
  readonly seconds: number;
  /** Unix time; null: never. */
  readonly passedAt: number | null;
}

const INTERRUPTED = 'The worker that ran it ended before it did';
const KEPT = 100;

@Injectable()
export class DrillsRepository {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(EventLog) private readonly events: EventLog,
  ) {}

  /** Whether none was begun in so many hours, but for one whose worker died on the way. A younger installation has nothing to rehearse. */
  async isDue(everyHours: number): Promise<boolean> {
    const rows = await this.database.query(
      `SELECT 1 FROM organisations WHERE created_at <= now() - make_interval(hours => $1) AND NOT EXISTS (
         SELECT FROM restore_drills WHERE outcome <> 'running' AND started_at > now() - make_interval(hours => $1)) LIMIT 1`,
      [everyHours],
    );
    return rows.length > 0;
  }

  /** Only for whoever holds the lock of drills: whatever still runs then belongs to nobody. */
  async begin(id: string, hostId: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.query(
        `UPDATE restore_drills SET outcome = 'failed', reason = $1, ended_at = now() WHERE outcome = 'running'`,
        [INTERRUPTED],
      );
      await tx.query('INSERT INTO restore_drills (id, host_id) VALUES ($1, $2)', [id, hostId]);
      await tx.query(
        `DELETE FROM restore_drills WHERE id IN (SELECT id FROM restore_drills ORDER BY started_at DESC OFFSET ${KEPT})`,
      );
    });
  }

  /** Writes what came of it, and tells every platform admin's organisation. */
  async end(id: string, { outcome, reason, rehearsed }: DrillResult): Promise<void> {
    await this.database.transaction(async (tx) => {
      const [drill] = await tx.query<{ seconds: number }>(
        `UPDATE restore_drills SET outcome = $2, reason = $3, tables = $4, rows = $5, files = $6, bytes = $7, ended_at = now()
          WHERE id = $1 AND outcome = 'running' RETURNING extract(epoch FROM now() - started_at)::float8 AS seconds`,
        [id, outcome, reason, ...figuresOf(rehearsed)],
      );
      if (!drill) return;
      const organisations = await tx.query<{ id: string }>(
        `SELECT DISTINCT m.org_id AS id FROM memberships m JOIN users u ON u.id = m.user_id
          WHERE u.is_platform_admin AND u.is_active ORDER BY 1 LIMIT 1000`,
      );
      const data = { outcome, reason, seconds: drill.seconds, ...rehearsed };
      const told = organisations.map((org, index) => ({ orgId: org.id, seq: index + 1 }));
      const event = { kind: DRILL_EVENTS, id, type: `restore_drill.${outcome}`, data };
      await this.events.appendAll(
        tx,
        told.map((each) => ({ ...event, ...each })),
      );
    });
  }

  /** Undefined before the first has ended. */
  async state(): Promise<DrillState | undefined> {
    const [row] = await this.database.query<DrillState>(
      `SELECT outcome, extract(epoch FROM ended_at - started_at)::float8 AS seconds,
              (SELECT extract(epoch FROM max(ended_at))::float8 FROM restore_drills WHERE outcome = 'passed') AS "passedAt"
         FROM restore_drills WHERE outcome <> 'running' ORDER BY started_at DESC LIMIT 1`,
    );
    return row;
  }
}

const figuresOf = (rehearsed: Rehearsed | null): (number | null)[] =>
  rehearsed ? [rehearsed.tables, rehearsed.rows, rehearsed.files, rehearsed.bytes] : [null, null, null, null];
