export const TASK_STATUSES = [
  'queued',
  'leased',
  'running',
  'completed',
  'failed',
  'expired',
  'permanently_failed',
  'cancelled',
] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** Every change of status there is. `leased`, `expired` and `permanently_failed` belong to leases. */
export const TASK_TRANSITIONS: Readonly<Record<TaskStatus, readonly TaskStatus[]>> = {
  queued: ['leased', 'running', 'completed', 'failed', 'cancelled'],
  leased: ['running', 'expired', 'queued', 'cancelled'],
  running: ['completed', 'failed', 'expired', 'queued', 'cancelled'],
  completed: [],
  failed: ['queued'],
  expired: ['queued', 'permanently_failed'],
  permanently_failed: [],
  cancelled: ['queued'],
};

/** What people and agents may ask for; the others are reached by leases alone. */
export const SETTABLE_STATUSES = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
export type SettableStatus = (typeof SETTABLE_STATUSES)[number];

export const canMoveTask = (from: TaskStatus, to: TaskStatus): boolean =>
  from === to || TASK_TRANSITIONS[from].includes(to);

/** Nothing more is going to happen by itself. */
export const isTaskDone = (status: TaskStatus): boolean => !['queued', 'leased', 'running', 'expired'].includes(status);
