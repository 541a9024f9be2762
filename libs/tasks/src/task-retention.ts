import { Inject, Injectable } from '@nestjs/common';
import { TasksRepository } from './tasks.repository.js';

/** Deletes tasks that ended long ago. */
@Injectable()
export class TaskRetention {
  constructor(@Inject(TasksRepository) private readonly tasks: TasksRepository) {}

  /** @returns how many of at most `limit`; fewer means done. */
  deleteBefore(before: Date, limit: number): Promise<number> {
    return this.tasks.deleteBefore(before, limit);
  }
}
