import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { EventLog, Notices } from '#libs/events';
import type { Scope } from '#libs/kernel';
import { OPEN_TASKS_MAX, type Task, type UpdateTask } from './task.js';
import { type ChangedTask, toTask } from './task.row.js';
import { canMoveTask } from './task.state.js';
import { impossibleMove, taskNotFound, tooManyTasks } from './tasks.errors.js';
import { TASK_EVENTS, TaskEvent } from './tasks.events.js';
import { type NewTask, TasksRepository, type TaskView } from './tasks.repository.js';

/** Writes tasks; what changes leaves an event and a notice in the same transaction. */
@Injectable()
export class TaskWriter {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TasksRepository) private readonly tasks: TasksRepository,
    @Inject(EventLog) private readonly log: EventLog,
    @Inject(Notices) private readonly notices: Notices,
  ) {}

  /**
   * @param swarmId - the agent must belong to this swarm.
   * @returns undefined when there is no such agent. @throws DomainError `conflict` when it has too many open tasks.
   */
  async create(scope: Scope, task: NewTask, swarmId?: string): Promise<Task | undefined> {
    return this.database.transaction(async (tx) => {
      const open = await this.tasks.openTasks(tx, scope, task.agentId, swarmId);
      if (open === undefined) return undefined;
      if (open >= OPEN_TASKS_MAX) throw tooManyTasks(OPEN_TASKS_MAX);
      const row = await this.tasks.insert(tx, scope, task);
      await this.append(tx, row, TaskEvent.created, { agentId: task.agentId, by: task.createdBy });
      return toTask(row);
    });
  }

  /**
   * @param allow - throws when this caller may not change the task so.
   * @throws DomainError `not_found`, `conflict` for a status it cannot take from where it is.
   */
  async change(
    scope: Scope,
    view: TaskView,
    id: string,
    { change, cause, allow }: { change: UpdateTask; cause: string; allow?: (task: Task) => void },
  ): Promise<Task> {
    return this.database.transaction(async (tx) => {
      const task = await this.tasks.lock(tx, scope, view, id);
      if (!task) throw taskNotFound();
      allow?.(task);
      const { status } = change;
      if (status !== undefined && !canMoveTask(task.status, status)) throw impossibleMove(task.status, status);
      const row = await this.tasks.change(tx, scope, id, change);
      const moved = row.status !== task.status;
      const data = moved ? { from: task.status, to: row.status, cause } : { fields: Object.keys(change), cause };
      await this.append(tx, row, moved ? TaskEvent.status : TaskEvent.updated, data);
      return toTask(row);
    });
  }

  private async append(tx: Tx, row: ChangedTask, type: string, data: Record<string, unknown>): Promise<void> {
    const seq = Number(row.eventSeq);
    await this.log.append(tx, { orgId: row.orgId, kind: TASK_EVENTS, id: row.id, seq, type, data });
    this.notices.notifyAfter(tx, TASK_EVENTS, row.id);
  }
}
