import { Inject, Injectable } from '@nestjs/common';
import { agentNotFound } from '#libs/agents';
import { type Caller, type Page, type Scope, isUuid, newId, requireScope } from '#libs/kernel';
import { checkedChange, checkedTask } from './task-input.js';
import type { CreateTask, ListTasks, Task, UpdateTask } from './task.js';
import { TaskWriter } from './task-writer.js';
import { taskNotFound } from './tasks.errors.js';
import { TasksRepository, type TaskView } from './tasks.repository.js';

/** What people do with the tasks of an agent. */
@Injectable()
export class TasksService {
  constructor(
    @Inject(TasksRepository) private readonly tasks: TasksRepository,
    @Inject(TaskWriter) private readonly writer: TaskWriter,
  ) {}

  /** Newest first. @throws DomainError `not_found` for the agent. */
  async list(caller: Caller, agentId: string, query: ListTasks = {}): Promise<Page<Task>> {
    requireScope(caller, 'agents:read');
    return this.tasks.list(caller, await this.viewOf(caller, agentId), query);
  }

  /** @throws DomainError `not_found` for agent and task. */
  async get(caller: Caller, agentId: string, id: string): Promise<Task> {
    requireScope(caller, 'agents:read');
    const view = await this.viewOf(caller, agentId);
    const task = isUuid(id) ? await this.tasks.find(caller, view, id) : undefined;
    if (!task) throw taskNotFound();
    return task;
  }

  /**
   * @param id - for a request that may be repeated: when the agent has this task already, it is the answer.
   * @throws DomainError `not_found`, `validation`, `conflict` when the agent has too many open tasks.
   */
  async create(caller: Caller, agentId: string, input: CreateTask, id?: string): Promise<Task> {
    requireScope(caller, 'agents:write');
    const task = checkedTask(input);
    const view = await this.viewOf(caller, agentId);
    const made = id === undefined ? undefined : await this.tasks.find(caller, view, id);
    if (made) return made;
    const created = await this.writer.create(caller, {
      ...task,
      id: id ?? newId(),
      agentId,
      createdBy: caller.subject,
    });
    if (!created) throw agentNotFound();
    return created;
  }

  /** @throws DomainError `not_found`, `validation`, `conflict` for a status it cannot take from where it is. */
  async update(caller: Caller, agentId: string, id: string, input: UpdateTask): Promise<Task> {
    requireScope(caller, 'agents:write');
    const view = await this.viewOf(caller, agentId);
    if (!isUuid(id)) throw taskNotFound();
    return this.writer.change(caller, view, id, { change: checkedChange(input), cause: caller.subject });
  }

  private async viewOf(caller: Scope, agentId: string): Promise<TaskView> {
    if (!isUuid(agentId) || !(await this.tasks.hasAgent(caller, agentId))) throw agentNotFound();
    return { agentId, orMadeByIt: false };
  }
}
