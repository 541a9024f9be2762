import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { JobRinger } from '#libs/queue';
import { PERFORM_TEAM_STEP } from './orchestration.jobs.js';
import { TeamRunner } from './team-runner.js';
import { TeamRunsRepository } from './team-runs.repository.js';

const BATCH = 100;

/** Finds what no job rang for; a worker runs it by the clock. */
@Injectable()
export class TeamRunSweeper {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TeamRunsRepository) private readonly runs: TeamRunsRepository,
    @Inject(TeamRunner) private readonly runner: TeamRunner,
    @Inject(JobRinger) private readonly jobs: JobRinger,
  ) {}

  /** Frees steps of dead workers, rings for steps that are due, looks at runs that nothing is under way in. */
  async sweep(signal: AbortSignal): Promise<void> {
    await this.runs.freeDead();
    const due = await this.runs.dueSteps(BATCH);
    if (due.length > 0) {
      await this.database.transaction(async (tx) => {
        for (const stepId of due) await this.jobs.ring(tx, PERFORM_TEAM_STEP, { stepId });
      });
    }
    for (const runId of await this.runs.idleRuns(BATCH)) {
      if (signal.aborted) return;
      await this.runner.advance(runId);
    }
  }

  /** Deletes up to `limit` runs that ended before then. */
  deleteBefore(before: Date, limit: number): Promise<number> {
    return this.runs.deleteBefore(before, limit);
  }
}
