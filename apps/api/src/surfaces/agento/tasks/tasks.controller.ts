import { Body, Get, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { TasksService } from '#libs/tasks';
import { CallerOf } from '../../../http/caller-of.js';
import { IdempotencyOf, type IdempotencySlot, Idempotent } from '../../../http/idempotency/idempotent.js';
import { AgentoController, AnswersData, AnswersPage, Refuses, TakesIdempotencyKey } from '../agento.openapi.js';
import { type AgentoPage, agentoPage } from '../agento.paging.js';
import { CreateTaskDto, ListTasksQuery, TaskDto, UpdateTaskDto } from './tasks.dto.js';
import { taskWindow, toTaskAnswer, toTaskDto } from './tasks.mapper.js';

@AgentoController('Tasks', 'v1/agents/:id/tasks')
export class TasksController {
  constructor(@Inject(TasksService) private readonly tasks: TasksService) {}

  /** The tasks of an agent, newest first. */
  @Get()
  @AnswersPage(TaskDto, 'The tasks')
  @Refuses(400, 404)
  async listTasks(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Query() query: ListTasksQuery,
  ): Promise<AgentoPage<TaskDto>> {
    return agentoPage(await this.tasks.list(caller, id, query), toTaskDto, taskWindow(query));
  }

  /** Give an agent a task. It finds it by its task tools and reports the result there. */
  @Post()
  @Idempotent()
  @TakesIdempotencyKey()
  @AnswersData(TaskDto, 'The task was made', 201)
  @Refuses(400, 404, 409, 413, 422)
  async createTask(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: CreateTaskDto,
    @IdempotencyOf() slot: IdempotencySlot | undefined,
  ): Promise<{ data: TaskDto }> {
    return toTaskAnswer(await this.tasks.create(caller, id, body, slot?.resourceId));
  }

  /** One task with its result. */
  @Get(':taskId')
  @AnswersData(TaskDto, 'The task')
  @Refuses(404)
  async getTask(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('taskId') taskId: string,
  ): Promise<{ data: TaskDto }> {
    return toTaskAnswer(await this.tasks.get(caller, id, taskId));
  }

  /** Reword a task, change its priority, cancel it or give it to the agent again. */
  @Patch(':taskId')
  @AnswersData(TaskDto, 'The task was changed')
  @Refuses(400, 404, 409, 413)
  async updateTask(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('taskId') taskId: string,
    @Body() body: UpdateTaskDto,
  ): Promise<{ data: TaskDto }> {
    return toTaskAnswer(await this.tasks.update(caller, id, taskId, body));
  }
}
