import { describe, expect, it } from '@jest/globals';
import type { Task } from '#libs/tasks';
import { taskWindow, toTaskDto } from './tasks.mapper.js';

const task: Task = {
  id: 't',
  agentId: 'a',
  createdBy: 'key:k',
  createdByAgentId: null,
  peerId: null,
  title: 'T',
  description: '',
  priority: 'normal',
  status: 'completed',
  result: { answer: 42 },
  error: null,
  createdAt: new Date('2026-01-02T03:04:05.006Z'),
  updatedAt: new Date('2026-01-02T03:04:05.006Z'),
  startedAt: null,
  completedAt: new Date('2026-01-02T03:04:06.000Z'),
};

describe('toTaskDto', () => {
  it('shows who made the task, not with which credential', () => {
    expect(toTaskDto(task)).toMatchObject({ createdBy: 'user', result: { answer: 42 }, startedAt: null });
    expect(JSON.stringify(toTaskDto(task))).not.toContain('key:k');
    expect(toTaskDto({ ...task, createdByAgentId: 'a' }).createdBy).toBe('agent');
  });

  it('writes times as ISO 8601 with milliseconds', () => {
    expect(toTaskDto(task)).toMatchObject({
      createdAt: '2026-01-02T03:04:05.006Z',
      completedAt: '2026-01-02T03:04:06.000Z',
    });
  });
});

describe('taskWindow', () => {
  it('says the window that was read', () => {
    expect(taskWindow({})).toEqual({ limit: 50, offset: 0 });
    expect(taskWindow({ limit: 500, offset: 7 })).toEqual({ limit: 100, offset: 7 });
  });
});
