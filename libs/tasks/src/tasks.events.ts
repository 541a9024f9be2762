/** Kind of a task's events in the event log, and topic of its notices. */
export const TASK_EVENTS = 'task';

export const TaskEvent = { created: 'task.created', status: 'task.status', updated: 'task.updated' } as const;
