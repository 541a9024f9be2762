import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { type Caller, type Page, type PageRequest, isUuid, newId, requireScope } from '#libs/kernel';
import { JobRinger } from '#libs/queue';
import type { Team, TeamRun, TeamStatus, TeamStep } from './orchestration.js';
import { teamNotFound, teamRunNotFound, wrongTeamStatus } from './orchestration.errors.js';
import { ADVANCE_TEAM_RUN } from './orchestration.jobs.js';
import { TeamRunsRepository } from './team-runs.repository.js';
import { TeamsRepository } from './teams.repository.js';

/** Starts, pauses and resumes swarms, and shows what came of it. */
@Injectable()
export class TeamRunsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TeamsRepository) private readonly teams: TeamsRepository,
    @Inject(TeamRunsRepository) private readonly runs: TeamRunsRepository,
    @Inject(JobRinger) private readonly jobs: JobRinger,
  ) {}

  /** Begins a run; without a goal or agents it waits for them. @throws DomainError `conflict` unless idle or failed. */
  start(caller: Caller, id: string): Promise<Team> {
    return this.change(caller, id, ['idle', 'failed'], 'start', async (tx, { strategy }) => {
      await this.teams.setStatus(tx, caller, id, 'running');
      const run = { id: newId(), swarmId: id, strategy, startedBy: caller.subject };
      await this.runs.insert(tx, caller, run);
      await this.jobs.ring(tx, ADVANCE_TEAM_RUN, { runId: run.id });
    });
  }

  /** Steps under way end; no further ones begin. @throws DomainError `conflict` unless running. */
  pause(caller: Caller, id: string): Promise<Team> {
    return this.change(caller, id, ['running'], 'pause', (tx) => this.teams.setStatus(tx, caller, id, 'paused'));
  }

  /** @throws DomainError `conflict` unless paused. */
  resume(caller: Caller, id: string): Promise<Team> {
    return this.change(caller, id, ['paused'], 'resume', async (tx) => {
      await this.teams.setStatus(tx, caller, id, 'running');
      const runId = await this.runs.open(tx, caller, id);
      if (runId !== undefined) await this.jobs.ring(tx, ADVANCE_TEAM_RUN, { runId });
    });
  }

  /** Newest first. */
  async list(caller: Caller, id: string, page: PageRequest): Promise<Page<TeamRun>> {
    requireScope(caller, 'swarms:read');
    if (!isUuid(id) || !(await this.teams.find(caller, id))) throw teamNotFound();
    return this.runs.list(caller, id, page);
  }

  async get(caller: Caller, id: string, runId: string): Promise<{ run: TeamRun; steps: readonly TeamStep[] }> {
    requireScope(caller, 'swarms:read');
    const run = isUuid(id) && isUuid(runId) ? await this.runs.find(caller, id, runId) : undefined;
    if (!run) throw teamRunNotFound();
    return { run, steps: await this.runs.steps(runId) };
  }

  private async change(
    caller: Caller,
    id: string,
    from: readonly TeamStatus[],
    what: string,
    work: (tx: Tx, team: Team) => Promise<void>,
  ): Promise<Team> {
    requireScope(caller, 'swarms:write');
    if (!isUuid(id)) throw teamNotFound();
    return this.database.transaction(async (tx) => {
      const team = await this.teams.lock(tx, caller, id);
      if (!team) throw teamNotFound();
      if (!from.includes(team.status)) throw wrongTeamStatus(what, team.status);
      await work(tx, team);
      return (await this.teams.find(caller, id, tx))!;
    });
  }
}
