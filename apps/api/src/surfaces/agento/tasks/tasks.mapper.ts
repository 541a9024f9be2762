import type { Task } from '#libs/tasks';
import { isoTime, isoTimeOrNull } from '../agento.paging.js';
import type { TaskDto } from './tasks.dto.js';

export const toTaskDto = (task: Task): TaskDto => ({
  id: task.id,
  agentId: task.agentId,
  title: task.title,
  description: task.description,
  priority: task.priority,
  status: task.status,
  result: task.result,
  error: task.error,
  createdBy: task.createdByAgentId === null ? 'user' : 'agent',
  peerId: task.peerId,
  createdAt: isoTime(task.createdAt),
  updatedAt: isoTime(task.updatedAt),
  startedAt: isoTimeOrNull(task.startedAt),
  completedAt: isoTimeOrNull(task.completedAt),
});

export const toTaskAnswer = (task: Task): { data: TaskDto } => ({ data: toTaskDto(task) });

/** What the answer says about its window: `limit` above 100 is lowered to it. */
export const taskWindow = ({
  limit = 50,
  offset = 0,
}: {
  limit?: number;
  offset?: number;
}): {
  limit: number;
  offset: number;
} => ({ limit: Math.min(limit, 100), offset });
