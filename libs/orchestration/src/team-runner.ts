import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';
import { JobRinger } from '#libs/queue';
import type { Team } from './orchestration.js';
import { ADVANCE_TEAM_RUN, PERFORM_TEAM_STEP } from './orchestration.jobs.js';
import { limitsOf } from './run-limits.js';
import { type Decision, decide } from './strategies.js';
import { TeamRunsRepository } from './team-runs.repository.js';
import { TeamsRepository } from './teams.repository.js';

/** Brings runs forward: decides from the steps so far what comes next, writes it and rings for it in one transaction. */
@Injectable()
export class TeamRunner {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TeamRunsRepository) private readonly runs: TeamRunsRepository,
    @Inject(TeamsRepository) private readonly teams: TeamsRepository,
    @Inject(JobRinger) private readonly jobs: JobRinger,
  ) {}

  /** Has somebody look at the swarm's open run, if it has one. */
  async ring(scope: Scope, swarmId: string): Promise<void> {
    const runId = await this.runs.open(this.database, scope, swarmId);
    if (runId !== undefined) await this.database.transaction((tx) => this.jobs.ring(tx, ADVANCE_TEAM_RUN, { runId }));
  }

  /** Does nothing for a run that is over, or whose swarm is paused or still lacks a goal or agents. */
  async advance(runId: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      const run = await this.runs.lock(tx, runId);
      const team = run && (await this.teams.lock(tx, run, run.swarmId));
      if (!run || team?.status !== 'running') return;
      const steps = await this.runs.steps(runId, tx);
      if (team.goal === null || (team.agentIds.length === 0 && steps.length === 0)) return;
      const agents = await this.teams.names(run, team.agentIds);
      const { strategy } = run;
      const decision = decide({ strategy, goal: team.goal, agents, steps, limits: limitsOf(team.configuration) });
      await this.carryOut(tx, { orgId: run.orgId }, runId, team, decision);
    });
  }

  private async carryOut(tx: Tx, scope: Scope, runId: string, team: Team, decision: Decision): Promise<void> {
    switch (decision.kind) {
      case 'wait':
        return;
      case 'steps': {
        const added = await this.runs.add(tx, scope, runId, decision.steps);
        for (const stepId of added) await this.jobs.ring(tx, PERFORM_TEAM_STEP, { stepId });
        return;
      }
      case 'completed':
        await this.runs.finish(tx, runId, { ...NO_ERROR, status: 'completed', result: decision.result });
        await this.teams.setStatus(tx, scope, team.id, 'idle');
        return;
      case 'failed': {
        const { code: errorCode, message: errorMessage } = decision;
        await this.runs.finish(tx, runId, { status: 'failed', result: null, errorCode, errorMessage });
        await this.teams.setStatus(tx, scope, team.id, 'failed', errorMessage);
      }
    }
  }
}

const NO_ERROR = { errorCode: null, errorMessage: null };
