import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import type { Page, Scope } from '#libs/kernel';
import type { CreateTask, ListTasks, Task, UpdateTask } from './task.js';
import { CHANGED_COLUMNS, type ChangedTask, TASK_COLUMNS, toTask } from './task.row.js';

const DEFAULT_LIMIT = 50;
const MOST_ROWS = 100;

/** Which tasks of an organisation may be seen. */
export interface TaskView {
  /** Assigned to this agent … */
  readonly agentId: string;
  /** … or made by it. */
  readonly orMadeByIt: boolean;
  /** Only those of this end user's chats. */
  readonly peerId?: string | undefined;
}

export interface NewTask extends CreateTask {
  readonly id: string;
  readonly agentId: string;
  readonly createdBy: string;
  readonly createdByAgentId?: string | undefined;
  readonly peerId?: string | undefined;
}

const VISIBLE = `t.org_id = $1 AND (t.agent_id = $2 OR ($3 AND t.created_by_agent_id = $2))
  AND ($4::text IS NULL OR t.peer_id = $4)`;

const visible = (scope: Scope, view: TaskView): unknown[] => [
  scope.orgId,
  view.agentId,
  view.orMadeByIt,
  view.peerId ?? null,
];

const LIST = `
  WITH matching AS (SELECT t.* FROM tasks t WHERE ${VISIBLE} AND ($5::text IS NULL OR t.status = $5))
  SELECT (SELECT count(*)::int FROM matching) AS total, r.* FROM (SELECT 1) one LEFT JOIN (
    SELECT ${TASK_COLUMNS} FROM matching t ORDER BY t.created_at DESC, t.id LIMIT $6 OFFSET $7
  ) r ON true ORDER BY r."createdAt" DESC, r.id`;

const CHANGE = `
  UPDATE tasks t SET title = coalesce($3, title), description = coalesce($4, description),
    priority = coalesce($5, priority), status = coalesce($6, status),
    result = CASE WHEN $6 = 'queued' AND status <> 'queued' THEN NULL WHEN $7::jsonb IS NULL THEN result ELSE $7 END,
    error_message = CASE WHEN $6 = 'queued' AND status <> 'queued' THEN NULL ELSE coalesce($8, error_message) END,
    started_at = CASE WHEN $6 = 'queued' AND status <> 'queued' THEN NULL
                      WHEN $6 IN ('running','completed','failed') THEN coalesce(started_at, clock_timestamp())
                      ELSE started_at END,
    completed_at = CASE WHEN $6 IN ('completed','failed','cancelled') AND status <> $6 THEN clock_timestamp()
                        WHEN $6 IS NULL OR $6 = status THEN completed_at END,
    updated_at = clock_timestamp(), event_seq = event_seq + 1
   WHERE t.org_id = $1 AND t.id = $2 RETURNING ${CHANGED_COLUMNS}`;

/** Rows of `tasks`. */
@Injectable()
export class TasksRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async insert(tx: Tx, scope: Scope, task: NewTask): Promise<ChangedTask> {
    const rows = await tx.query<ChangedTask>(
      `INSERT INTO tasks AS t (id, org_id, agent_id, created_by, created_by_agent_id, peer_id, title, description,
                               priority, event_seq)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1) RETURNING ${CHANGED_COLUMNS}`,
      [
        ...[task.id, scope.orgId, task.agentId, task.createdBy, task.createdByAgentId ?? null, task.peerId ?? null],
        ...[task.title, task.description ?? '', task.priority ?? 'normal'],
      ],
    );
    return rows[0]!;
  }

  /** Newest first. */
  async list(scope: Scope, view: TaskView, query: ListTasks): Promise<Page<Task>> {
    const limit = Math.min(query.limit ?? DEFAULT_LIMIT, MOST_ROWS);
    const values = [...visible(scope, view), query.status ?? null, limit, query.offset ?? 0];
    const rows = await this.database.query<Task & { total: number }>(LIST, values);
    return { items: rows.filter(({ id }) => id !== null).map(toTask), total: rows[0]?.total ?? 0 };
  }

  async find(scope: Scope, view: TaskView, id: string, on: Sql = this.database): Promise<Task | undefined> {
    const rows = await on.query<Task>(`SELECT ${TASK_COLUMNS} FROM tasks t WHERE ${VISIBLE} AND t.id = $5`, [
      ...visible(scope, view),
      id,
    ]);
    return rows[0];
  }

  /** The same, held until `tx` ends. */
  async lock(tx: Tx, scope: Scope, view: TaskView, id: string): Promise<Task | undefined> {
    const rows = await tx.query<Task>(
      `SELECT ${TASK_COLUMNS} FROM tasks t WHERE ${VISIBLE} AND t.id = $5 FOR UPDATE OF t`,
      [...visible(scope, view), id],
    );
    return rows[0];
  }

  async change(tx: Tx, scope: Scope, id: string, change: UpdateTask): Promise<ChangedTask> {
    const { title, description, priority, status, result, error } = change;
    const rows = await tx.query<ChangedTask>(CHANGE, [
      ...[scope.orgId, id, title ?? null, description ?? null, priority ?? null, status ?? null],
      ...[result === undefined ? null : JSON.stringify(result), error ?? null],
    ]);
    return rows[0]!;
  }

  async hasAgent(scope: Scope, agentId: string): Promise<boolean> {
    const rows = await this.database.query(
      `SELECT 1 FROM agents WHERE org_id = $1 AND id = $2 AND desired_state <> 'deleted'`,
      [scope.orgId, agentId],
    );
    return rows.length > 0;
  }

  /** Locks the agent's row, so that tasks are made one after the other. @returns undefined when there is no such agent. */
  async openTasks(tx: Tx, scope: Scope, agentId: string, swarmId?: string): Promise<number | undefined> {
    const agents = await tx.query(
      `SELECT 1 FROM agents WHERE org_id = $1 AND id = $2 AND desired_state <> 'deleted'
          AND ($3::uuid IS NULL OR swarm_id = $3) FOR UPDATE`,
      [scope.orgId, agentId, swarmId ?? null],
    );
    if (agents.length === 0) return undefined;
    const [row] = await tx.query<{ open: number }>(
      `SELECT count(*)::int AS open FROM tasks
        WHERE org_id = $1 AND agent_id = $2 AND status IN ('queued','leased','running')`,
      [scope.orgId, agentId],
    );
    return row?.open ?? 0;
  }

  /** Deletes up to `limit` finished tasks that nobody has touched since `before`. */
  async deleteBefore(before: Date, limit: number): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM tasks WHERE id = ANY (ARRAY (
         SELECT id FROM tasks WHERE updated_at < $1 AND status IN ('completed','permanently_failed','cancelled','failed')
          ORDER BY updated_at LIMIT $2)) RETURNING 1`,
      [before, limit],
    );
    return rows.length;
  }
}
