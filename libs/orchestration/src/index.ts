export * from './orchestration.js';
export * from './orchestration.jobs.js';
export * from './orchestration.module.js';
export { TeamRunSweeper } from './team-run-sweeper.js';
export { TeamRunner } from './team-runner.js';
export { TeamRunsService } from './team-runs.service.js';
export { TeamSteps } from './team-steps.js';
export { TeamsService } from './teams.service.js';
