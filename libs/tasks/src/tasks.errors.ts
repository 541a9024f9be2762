import { DomainError, conflict, invalid, notFound } from '#libs/kernel';
import type { TaskStatus } from './task.state.js';

export const taskNotFound = (): DomainError => notFound('Task');

export const impossibleMove = (from: TaskStatus, to: TaskStatus): DomainError =>
  conflict('task_state', `A task that is ${from} cannot become ${to}`);

export const tooManyTasks = (limit: number): DomainError =>
  conflict('too_many_tasks', `The agent has ${limit} open tasks; finish or cancel some first`);

export const wrongTaskField = (field: string, message: string, type: string): DomainError =>
  invalid(message, [{ path: ['body', field], message, type }]);

export const notYourTask = (): DomainError =>
  new DomainError('forbidden', 'not_your_task', 'Only the agent a task is assigned to may report progress on it');
