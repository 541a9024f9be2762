import { Module } from '@nestjs/common';
import { AgentTasks } from './agent-tasks.js';
import { TaskRetention } from './task-retention.js';
import { TaskWriter } from './task-writer.js';
import { TasksRepository } from './tasks.repository.js';
import { TasksService } from './tasks.service.js';

/** Tasks as people see them. The process must provide database and events. */
@Module({
  providers: [TaskWriter, TasksRepository, TasksService],
  exports: [TasksService],
})
export class TasksModule {}

/** Tasks as agents see them, and their retention. The process must provide database and events. */
@Module({
  providers: [AgentTasks, TaskRetention, TaskWriter, TasksRepository],
  exports: [AgentTasks, TaskRetention],
})
export class AgentTasksModule {}
