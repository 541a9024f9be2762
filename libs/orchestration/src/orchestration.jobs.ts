import { IsUUID } from 'class-validator';
import { defineJob } from '#libs/queue';

export class AdvanceTeamRun {
  @IsUUID()
  runId!: string;
}

export class PerformTeamStep {
  @IsUUID()
  stepId!: string;
}

/** Looks what a run needs next. The sweep does it too. */
export const ADVANCE_TEAM_RUN = defineJob<AdvanceTeamRun>({
  name: 'orchestration.advance',
  queue: 'control',
  payload: AdvanceTeamRun,
  attempts: 1,
});

/** Has an agent do one step. The sweep rings for steps that nobody took. */
export const PERFORM_TEAM_STEP = defineJob<PerformTeamStep>({
  name: 'orchestration.step',
  queue: 'control',
  payload: PerformTeamStep,
  attempts: 1,
});

export const orchestrationJobs = [ADVANCE_TEAM_RUN, PERFORM_TEAM_STEP];
