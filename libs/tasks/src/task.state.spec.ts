import { describe, expect, it } from '@jest/globals';
import { SETTABLE_STATUSES, TASK_STATUSES, TASK_TRANSITIONS, canMoveTask, isTaskDone } from './task.state.js';

describe('the states of a task', () => {
  it('never leave completed and permanently_failed', () => {
    for (const status of TASK_STATUSES) {
      expect([status, TASK_TRANSITIONS[status].length === 0]).toEqual([
        status,
        ['completed', 'permanently_failed'].includes(status),
      ]);
    }
  });

  it('let a task stay what it is', () => {
    for (const status of TASK_STATUSES) expect(canMoveTask(status, status)).toBe(true);
  });

  it('let nobody finish what was cancelled', () => {
    expect(canMoveTask('cancelled', 'completed')).toBe(false);
    expect(canMoveTask('cancelled', 'queued')).toBe(true);
  });

  it('are reached from queued by everybody, but those of leases', () => {
    for (const status of SETTABLE_STATUSES) expect([status, canMoveTask('queued', status)]).toEqual([status, true]);
    expect(canMoveTask('queued', 'permanently_failed')).toBe(false);
  });

  it('say when nothing more happens by itself', () => {
    expect(TASK_STATUSES.filter(isTaskDone)).toEqual(['completed', 'failed', 'permanently_failed', 'cancelled']);
  });
});
