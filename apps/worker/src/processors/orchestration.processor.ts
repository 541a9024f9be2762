import { Inject, Injectable } from '@nestjs/common';
import {
  ADVANCE_TEAM_RUN,
  type AdvanceTeamRun,
  PERFORM_TEAM_STEP,
  type PerformTeamStep,
  TeamRunner,
  TeamSteps,
} from '#libs/orchestration';
import { HandlesJob, type JobContext } from '#libs/queue';

@Injectable()
export class OrchestrationProcessor {
  constructor(
    @Inject(TeamRunner) private readonly runner: TeamRunner,
    @Inject(TeamSteps) private readonly steps: TeamSteps,
  ) {}

  @HandlesJob(ADVANCE_TEAM_RUN)
  advance({ runId }: AdvanceTeamRun): Promise<void> {
    return this.runner.advance(runId);
  }

  @HandlesJob(PERFORM_TEAM_STEP)
  perform({ stepId }: PerformTeamStep, { signal }: JobContext): Promise<void> {
    return this.steps.perform(stepId, signal);
  }
}
