import { Inject, Injectable } from '@nestjs/common';
import { Notices } from '#libs/events';
import { RunsRepository } from './runs.repository.js';

/** Closes what killed processes left open, and deletes what is older than it is to be kept; a worker runs it by the clock. */
@Injectable()
export class RunSweeper {
  constructor(
    @Inject(RunsRepository) private readonly runs: RunsRepository,
    @Inject(Notices) private readonly notices: Notices,
  ) {}

  /** Runs whose instance has had no beat for 12 s become `interrupted`; their text stays. @returns how many. */
  async closeRunsOfDeadInstances(): Promise<number> {
    const closed = await this.runs.closeOfDeadInstances();
    for (const runId of closed) this.notices.notify('run', runId);
    return closed.length;
  }

  /** Deletes up to `limit` turns that began before then, and as many sessions without one. @returns the larger number. */
  deleteBefore(before: Date, limit: number): Promise<number> {
    return this.runs.deleteBefore(before, limit);
  }
}
