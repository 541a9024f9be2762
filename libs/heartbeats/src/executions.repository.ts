import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { INSTANCE_DEAD_AFTER_SECONDS } from '#libs/instances';
import type { Page, PageRequest, Scope } from '#libs/kernel';
import type { ExecutionStatus, HeartbeatExecution } from './heartbeat.js';
import { INTERRUPTED } from './heartbeats.errors.js';

const COLUMNS = `e.id, e.org_id, e.agent_id, e.due_at, e.manual, e.status, e.checklist, e.started_at, e.completed_at,
  e.response, e.error_message`;

/** Seconds count from instant to instant, so no time zone's summer moves a slot. */
const NEXT_SLOT = `due.next_at + make_interval(secs =>
  due.interval_seconds * (floor(extract(epoch FROM now() - due.next_at) / due.interval_seconds) + 1))`;

/**
 * Takes what is due and begins it: slots move to the first one in the future, so that missed ones don't pile up, and what was
 * due at one instant is begun by one worker once (unique on agent and instant). Who is paused or stopped is passed over
 * without a trace; an agent that should be able to, and is not, leaves a skipped execution.
 */
const CLAIM = `
  WITH due AS (
    SELECT h.agent_id, h.org_id, h.next_at, h.interval_seconds, h.checklist, a.desired_state = 'running' AS wanted,
           a.status = 'running' AS runs,
           EXISTS (SELECT 1 FROM heartbeat_executions e WHERE e.agent_id = h.agent_id AND e.status = 'running') AS busy
      FROM agent_heartbeats h JOIN agents a ON a.id = h.agent_id
     WHERE h.enabled AND h.next_at <= now() ORDER BY h.next_at LIMIT $2 FOR UPDATE OF h SKIP LOCKED
  ), moved AS (
    UPDATE agent_heartbeats h SET next_at = ${NEXT_SLOT},
           last_at = CASE WHEN due.wanted AND due.runs AND NOT due.busy THEN now() ELSE h.last_at END
      FROM due WHERE h.agent_id = due.agent_id
  ), e AS (
    INSERT INTO heartbeat_executions (id, org_id, agent_id, due_at, status, checklist, instance_id, started_at,
                                      completed_at, error_message)
    SELECT gen_random_uuid(), org_id, agent_id, next_at, CASE WHEN runs AND NOT busy THEN 'running' ELSE 'skipped' END,
           checklist, $1, CASE WHEN runs AND NOT busy THEN now() END, CASE WHEN runs AND NOT busy THEN NULL ELSE now() END,
           CASE WHEN busy THEN 'the heartbeat before was still under way' WHEN NOT runs THEN 'the agent was not running' END
      FROM due WHERE wanted
    ON CONFLICT DO NOTHING RETURNING *
  )
  SELECT counted.due, ${COLUMNS} FROM (SELECT count(*)::int AS due FROM due) counted LEFT JOIN e ON e.status = 'running'`;

/** Holds the agent's row of settings, as CLAIM does, so that a manual heartbeat and a due one take turns. */
const BEGIN = `
  WITH settings AS (
    INSERT INTO agent_heartbeats AS h (org_id, agent_id, last_at) VALUES ($1, $2, now())
    ON CONFLICT (agent_id) DO UPDATE SET last_at = now(),
      next_at = CASE WHEN h.enabled THEN now() + make_interval(secs => h.interval_seconds) END
    RETURNING checklist
  )
  INSERT INTO heartbeat_executions AS e (id, org_id, agent_id, due_at, manual, status, checklist, instance_id, started_at)
  SELECT $3, $1, $2, clock_timestamp(), true, 'running', checklist, $4, now() FROM settings
  ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`;

const FINISH = `
  UPDATE heartbeat_executions e SET status = $4, response = $5, error_message = $6, completed_at = clock_timestamp()
   WHERE e.org_id = $1 AND e.id = $2 AND e.instance_id = $3 AND e.status = 'running' RETURNING ${COLUMNS}`;

/** Beats count from the start of Postgres, as nobody could beat while it was away. */
const INTERRUPT = `
  UPDATE heartbeat_executions e SET status = 'failed', error_message = '${INTERRUPTED}', completed_at = clock_timestamp()
   WHERE e.status = 'running' AND (e.started_at < now() - make_interval(secs => $2) OR NOT EXISTS (
           SELECT 1 FROM instances i WHERE i.id = e.instance_id
              AND GREATEST(i.heartbeat_at, pg_postmaster_start_time()) > now() - make_interval(secs => $1))) RETURNING 1`;

interface ExecutionRow {
  readonly id: string;
  readonly org_id: string;
  readonly agent_id: string;
  readonly due_at: Date;
  readonly manual: boolean;
  readonly status: ExecutionStatus;
  readonly checklist: string[];
  readonly started_at: Date | null;
  readonly completed_at: Date | null;
  readonly response: string | null;
  readonly error_message: string | null;
}

/** What came of a claim. */
export interface Claimed {
  /** How many slots were due, those among them that were passed over. */
  readonly due: number;
  readonly executions: readonly HeartbeatExecution[];
}

/** How an execution ended. */
export interface ExecutionEnd {
  readonly status: 'completed' | 'failed';
  readonly response: string | null;
  readonly errorMessage: string | null;
}

/** Rows of `heartbeat_executions`. Only the instance that began one may end it, while it is running. */
@Injectable()
export class ExecutionsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Begins up to `most` of what is due, whichever organisation it belongs to. */
  async claim(instanceId: string, most: number): Promise<Claimed> {
    const rows = await this.database.named<ExecutionRow & { due: number; id: string | null }>(
      'heartbeats.claim',
      CLAIM,
      [instanceId, most],
    );
    return { due: rows[0]?.due ?? 0, executions: rows.filter(({ id }) => id !== null).map(toExecution) };
  }

  /** Undefined, and nothing written, while another one of the agent runs. */
  async begin(
    scope: Scope,
    agentId: string,
    { id, instanceId }: { readonly id: string; readonly instanceId: string },
  ): Promise<HeartbeatExecution | undefined> {
    return this.database.transaction(async (tx) => {
      const [row] = await tx.query<ExecutionRow>(BEGIN, [scope.orgId, agentId, id, instanceId]);
      return row && toExecution(row);
    });
  }

  /** Undefined when it had ended before; nothing was written then. */
  async finish(
    scope: Scope,
    id: string,
    instanceId: string,
    end: ExecutionEnd,
  ): Promise<HeartbeatExecution | undefined> {
    const values = [scope.orgId, id, instanceId, end.status, end.response, end.errorMessage];
    const [row] = await this.database.named<ExecutionRow>('heartbeats.finish', FINISH, values);
    return row && toExecution(row);
  }

  async find(scope: Scope, agentId: string, id: string): Promise<HeartbeatExecution | undefined> {
    const [row] = await this.database.query<ExecutionRow>(
      `SELECT ${COLUMNS} FROM heartbeat_executions e WHERE e.org_id = $1 AND e.agent_id = $2 AND e.id = $3`,
      [scope.orgId, agentId, id],
    );
    return row && toExecution(row);
  }

  /** The latest due first. */
  async list(scope: Scope, agentId: string, { limit, offset }: PageRequest): Promise<Page<HeartbeatExecution>> {
    const [rows, counted] = await Promise.all([
      this.database.query<ExecutionRow>(
        `SELECT ${COLUMNS} FROM heartbeat_executions e WHERE e.org_id = $1 AND e.agent_id = $2
          ORDER BY e.due_at DESC LIMIT $3 OFFSET $4`,
        [scope.orgId, agentId, limit, offset],
      ),
      this.database.query<{ total: number }>(
        'SELECT count(*)::int AS total FROM heartbeat_executions WHERE org_id = $1 AND agent_id = $2',
        [scope.orgId, agentId],
      ),
    ]);
    return { items: rows.map(toExecution), total: counted[0]?.total ?? 0 };
  }

  /** Ends what dead instances left, and what has been running for longer than any turn may. @returns how many. */
  async interrupt(staleAfterSeconds: number): Promise<number> {
    return (await this.database.query(INTERRUPT, [INSTANCE_DEAD_AFTER_SECONDS, staleAfterSeconds])).length;
  }

  /** At most `limit`. @returns how many. */
  async deleteBefore(before: Date, limit: number): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM heartbeat_executions WHERE id IN (
         SELECT id FROM heartbeat_executions WHERE due_at < $1 AND status <> 'running' LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING 1`,
      [before, limit],
    );
    return rows.length;
  }
}

const toExecution = (row: ExecutionRow): HeartbeatExecution => ({
  id: row.id,
  orgId: row.org_id,
  agentId: row.agent_id,
  dueAt: row.due_at,
  isManual: row.manual,
  status: row.status,
  checklist: row.checklist,
  startedAt: row.started_at,
  completedAt: row.completed_at,
  response: row.response,
  errorMessage: row.error_message,
});
