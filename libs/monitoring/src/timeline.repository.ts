import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import type { Page, Scope } from '#libs/kernel';
import type { TimelineEvent, TimelineQuery } from './monitoring.js';

/** Steps of swarms are tasks that an agent holds while it works on them; tasks of agents tell of themselves in the event log. */
const EVENTS = `
  SELECT 'TASK_STARTED' AS type, s.id AS task_id, s.agent_id AS peer_id, s.started_at AS at,
         jsonb_build_object('swarm_run_id', s.run_id, 'kind', s.kind, 'round', s.round) AS metadata
    FROM swarm_steps s WHERE s.org_id = $1 AND s.started_at IS NOT NULL
  UNION ALL
  SELECT CASE s.status WHEN 'completed' THEN 'TASK_COMPLETED' ELSE 'TASK_FAILED' END, s.id, s.agent_id, s.finished_at,
         jsonb_build_object('swarm_run_id', s.run_id, 'kind', s.kind, 'round', s.round, 'error_code', s.error_code)
    FROM swarm_steps s WHERE s.org_id = $1 AND s.finished_at IS NOT NULL
  UNION ALL
  SELECT CASE WHEN e.type = 'task.created' THEN 'TASK_CREATED'
              ELSE CASE e.data->>'to' WHEN 'queued' THEN 'TASK_REQUEUED' WHEN 'leased' THEN 'TASK_LEASED'
                     WHEN 'running' THEN 'TASK_STARTED' WHEN 'completed' THEN 'TASK_COMPLETED'
                     WHEN 'expired' THEN 'TASK_EXPIRED' ELSE 'TASK_FAILED' END END,
         e.thing_id, t.agent_id, e.at, e.data
    FROM events e LEFT JOIN tasks t ON t.id = e.thing_id
   WHERE e.org_id = $1 AND e.thing_kind = 'task' AND e.type IN ('task.created', 'task.status')
  UNION ALL
  SELECT 'NODE_CRASHED', NULL, e.thing_id, e.at, e.data
    FROM events e
   WHERE e.org_id = $1 AND e.thing_kind = 'agent' AND e.type = 'agent.status' AND e.data->>'from' = 'running'
     AND e.data->>'to' IN ('restarting', 'error', 'provisioning')
     AND e.data->>'cause' !~ '^(start|stop|restart|delete|pause|resume|provision|update|repair|reset_memory) by '`;

const PAGE = `
  WITH matching AS (
    SELECT * FROM (${EVENTS}) all_events
     WHERE ($2::text IS NULL OR task_id::text = $2) AND ($3::text IS NULL OR peer_id::text = $3)
       AND ($4::text IS NULL OR type = $4) AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at <= $6)
  )
  SELECT counted.total, page.type, page.task_id AS "taskId", page.peer_id AS "peerId", page.at, page.metadata
    FROM (SELECT count(*)::int AS total FROM matching) counted
    LEFT JOIN (SELECT * FROM matching ORDER BY at DESC, type, task_id LIMIT $7 OFFSET $8) page ON true
   ORDER BY page.at DESC, page.type, page.task_id`;

/** What happened in an organisation's swarms, newest first. */
@Injectable()
export class TimelineRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async page(scope: Scope, query: TimelineQuery): Promise<Page<TimelineEvent>> {
    const filters = [query.taskId, query.peerId, query.type, query.since, query.until].map((value) => value ?? null);
    const values = [scope.orgId, ...filters, query.limit, query.offset];
    const rows = await this.database.query<TimelineEvent & { total: number; type: string | null }>(PAGE, values);
    const items = rows.filter(({ type }) => type !== null).map(({ total: _total, ...event }) => event);
    return { items, total: rows[0]?.total ?? 0 };
  }
}
