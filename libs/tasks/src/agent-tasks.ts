import { Inject, Injectable } from '@nestjs/common';
import { type Page, isUuid, newId, notFound } from '#libs/kernel';
import { checkedChange, checkedTask } from './task-input.js';
import type { CreateTask, ListTasks, Task, TaskAgent, UpdateTask } from './task.js';
import { TaskWriter } from './task-writer.js';
import { notYourTask, taskNotFound } from './tasks.errors.js';
import { TasksRepository, type TaskView } from './tasks.repository.js';

/**
 * What an agent does with tasks: it sees those assigned to it and those it made, and in the chat of an end user only
 * those that came of that end user's chats.
 */
@Injectable()
export class AgentTasks {
  constructor(
    @Inject(TasksRepository) private readonly tasks: TasksRepository,
    @Inject(TaskWriter) private readonly writer: TaskWriter,
  ) {}

  /** Newest first. */
  list(agent: TaskAgent, query: ListTasks = {}): Promise<Page<Task>> {
    return this.tasks.list(agent, viewOf(agent), query);
  }

  /** @throws DomainError `not_found`. */
  async get(agent: TaskAgent, id: string): Promise<Task> {
    const task = isUuid(id) ? await this.tasks.find(agent, viewOf(agent), id) : undefined;
    if (!task) throw taskNotFound();
    return task;
  }

  /**
   * A task for itself, or for another agent of its swarm.
   * @throws DomainError `validation`, `not_found` for an agent that is none of these, `conflict` for too many open tasks.
   */
  async create(agent: TaskAgent, input: CreateTask & { readonly agentId?: string | undefined }): Promise<Task> {
    const { agentId: assignee = agent.agentId, ...given } = input;
    const isOwn = assignee === agent.agentId;
    if (!isOwn && (agent.swarmId === null || !isUuid(assignee))) throw notFound('Agent');
    const task = {
      ...checkedTask(given),
      id: newId(),
      agentId: assignee,
      createdBy: `agent:${agent.agentId}`,
      createdByAgentId: agent.agentId,
      peerId: agent.peerId,
    };
    const created = await this.writer.create(agent, task, isOwn ? undefined : (agent.swarmId ?? undefined));
    if (!created) throw notFound('Agent');
    return created;
  }

  /**
   * Who made a task may reword or cancel it; progress and result are its assignee's.
   * @throws DomainError `not_found`, `forbidden`, `validation`, `conflict` for a status it cannot take.
   */
  async update(agent: TaskAgent, id: string, input: UpdateTask): Promise<Task> {
    if (!isUuid(id)) throw taskNotFound();
    const change = checkedChange(input);
    const reports =
      (change.status !== undefined && change.status !== 'cancelled') ||
      change.result !== undefined ||
      change.error !== undefined;
    return this.writer.change(agent, viewOf(agent), id, {
      change,
      cause: `agent:${agent.agentId}`,
      allow: (task) => {
        if (reports && task.agentId !== agent.agentId) throw notYourTask();
      },
    });
  }
}

const viewOf = ({ agentId, peerId }: TaskAgent): TaskView => ({ agentId, orMadeByIt: true, peerId });
