import type { Task } from './task.js';

export const TASK_COLUMNS = `
  t.id, t.agent_id AS "agentId", t.created_by AS "createdBy", t.created_by_agent_id AS "createdByAgentId",
  t.peer_id AS "peerId", t.title, t.description, t.priority, t.status, t.result, t.error_message AS error,
  t.created_at AS "createdAt", t.updated_at AS "updatedAt", t.started_at AS "startedAt",
  t.completed_at AS "completedAt"`;

/** A changed row with the number of the event that says so. */
export type ChangedTask = Task & { readonly orgId: string; readonly eventSeq: string };

export const CHANGED_COLUMNS = `${TASK_COLUMNS}, t.org_id AS "orgId", t.event_seq AS "eventSeq"`;

/** The plain task of a row that was read with more. */
export function toTask(row: Task): Task {
  const { orgId: _orgId, eventSeq: _eventSeq, total: _total, ...task } = row as Task & Record<string, unknown>;
  return task as unknown as Task;
}
