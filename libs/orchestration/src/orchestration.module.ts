import { Module } from '@nestjs/common';
import { AgentsModule } from '#libs/agents';
import { ConversationsModule } from '#libs/conversations';
import { SwarmsModule } from '#libs/swarms';
import { MeteringModule } from '#libs/usage';
import { TeamRunSweeper } from './team-run-sweeper.js';
import { TeamRunner } from './team-runner.js';
import { TeamRunsRepository } from './team-runs.repository.js';
import { TeamRunsService } from './team-runs.service.js';
import { StepCosts, TeamSteps } from './team-steps.js';
import { TeamsRepository } from './teams.repository.js';
import { TeamsService } from './teams.service.js';

const SHARED = [TeamsRepository, TeamRunsRepository, TeamRunner];

/** For the surfaces: teams and their runs. */
@Module({
  imports: [AgentsModule, SwarmsModule],
  providers: [...SHARED, TeamsService, TeamRunsService],
  exports: [TeamsService, TeamRunsService],
})
export class OrchestrationModule {}

/** For workers: the steps of runs, and what keeps runs going. */
@Module({
  imports: [AgentsModule, ConversationsModule, MeteringModule],
  providers: [...SHARED, TeamSteps, StepCosts, TeamRunSweeper],
  exports: [TeamSteps, TeamRunner, TeamRunSweeper],
})
export class OrchestrationWorkerModule {}
