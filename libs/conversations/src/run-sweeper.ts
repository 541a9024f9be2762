import { Inject, Injectable } from '@nestjs/common';
import { Notices } from '#libs/events';
import { RunsRepository } from './runs.repository.js';

/** Closes what killed processes left open; a worker runs it every few seconds. */
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
}
