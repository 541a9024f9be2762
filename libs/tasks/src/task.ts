import type { TaskStatus } from './task.state.js';

export const TASK_PRIORITIES = ['low', 'normal', 'high', 'critical'] as const;
export type TaskPriority = (typeof TASK_PRIORITIES)[number];

/** Lengths in UTF-16 units. */
export const TASK_TITLE_MAX_LENGTH = 200;
export const TASK_TEXT_MAX_LENGTH = 16_000;
/** Of the JSON text of a result, in bytes. */
export const TASK_RESULT_MAX_BYTES = 65_536;
/** Open tasks (queued, leased or running) one agent may have. */
export const OPEN_TASKS_MAX = 1_000;

/** Something an agent is to do, and what came of it. */
export interface Task {
  readonly id: string;
  /** Who is to do it; null when that agent is gone. */
  readonly agentId: string | null;
  /** The credential that made it: `user:<id>`, `key:<id>`, `agent:<id>`. */
  readonly createdBy: string;
  /** Set when an agent made it. */
  readonly createdByAgentId: string | null;
  /** The end user in whose chat an agent made it. Chats of other end users never see it. */
  readonly peerId: string | null;
  readonly title: string;
  readonly description: string;
  readonly priority: TaskPriority;
  readonly status: TaskStatus;
  /** Any JSON value; null until there is one. */
  readonly result: unknown;
  /** Why it failed. */
  readonly error: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
}

export interface CreateTask {
  readonly title: string;
  readonly description?: string | undefined;
  /** Default `normal`. */
  readonly priority?: TaskPriority | undefined;
}

/** What is not given stays. */
export interface UpdateTask {
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly priority?: TaskPriority | undefined;
  readonly status?: TaskStatus | undefined;
  readonly result?: unknown;
  readonly error?: string | undefined;
}

export interface ListTasks {
  readonly status?: TaskStatus | undefined;
  /** Default 50, at most 100. */
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

/** An agent that asks about its own tasks, and for whom it speaks just now. */
export interface TaskAgent {
  readonly orgId: string;
  readonly agentId: string;
  readonly swarmId: string | null;
  /** The end user of the present chat; undefined: the agent's owner. */
  readonly peerId?: string | undefined;
}
