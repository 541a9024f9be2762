import { Inject, Injectable } from '@nestjs/common';
import { AgentSwarmsService, agentNotFound } from '#libs/agents';
import { type Caller, type Page, isUuid, requireScope } from '#libs/kernel';
import { SwarmsService } from '#libs/swarms';
import type { CreateTeam, ListTeams, Team, UpdateTeam } from './orchestration.js';
import { teamNotFound } from './orchestration.errors.js';
import { TeamRunner } from './team-runner.js';
import { TeamsRepository } from './teams.repository.js';

/** Swarms as teams with a goal. Another organisation's is `not_found`. */
@Injectable()
export class TeamsService {
  constructor(
    @Inject(TeamsRepository) private readonly teams: TeamsRepository,
    @Inject(SwarmsService) private readonly swarms: SwarmsService,
    @Inject(AgentSwarmsService) private readonly agents: AgentSwarmsService,
    @Inject(TeamRunner) private readonly runner: TeamRunner,
  ) {}

  async list(caller: Caller, query: ListTeams): Promise<Page<Team>> {
    requireScope(caller, 'swarms:read');
    return this.teams.list(caller, query);
  }

  async get(caller: Caller, id: string): Promise<Team> {
    requireScope(caller, 'swarms:read');
    return this.present(caller, id);
  }

  /**
   * @param id - for a request that may be repeated: the swarm it made already is the answer.
   * @throws DomainError `not_found` for an agent, `validation`, `plan_limit`.
   */
  async create(caller: Caller, input: CreateTeam, id?: string): Promise<Team> {
    requireScope(caller, 'swarms:write');
    const agentIds = [...new Set(input.agentIds ?? [])];
    await this.requireAgents(caller, agentIds);
    const { name, description = null, ...plan } = input;
    const swarm = await this.swarms.create(caller, { name, description }, id);
    await this.teams.plan(caller, swarm.id, plan, caller.userId);
    for (const agentId of agentIds) await this.agents.assign(caller, swarm.id, agentId);
    return this.present(caller, swarm.id);
  }

  /** A swarm that waits for a goal begins with it. @throws DomainError `not_found`, `validation`. */
  async update(caller: Caller, id: string, { name, description, ...plan }: UpdateTeam): Promise<Team> {
    requireScope(caller, 'swarms:write');
    await this.present(caller, id);
    if (name !== undefined || description !== undefined) {
      await this.swarms.update(caller, id, {
        ...(name === undefined ? {} : { name }),
        ...(description === undefined ? {} : { description }),
      });
    }
    await this.teams.plan(caller, id, plan);
    await this.runner.ring(caller, id);
    return this.present(caller, id);
  }

  async delete(caller: Caller, id: string): Promise<void> {
    await this.swarms.delete(caller, id);
  }

  /** Those that belong to it already stay; none is added when one of them does not exist. */
  async addAgents(caller: Caller, id: string, agentIds: readonly string[]): Promise<Team> {
    requireScope(caller, 'swarms:write');
    const team = await this.present(caller, id);
    const fresh = [...new Set(agentIds)].filter((agentId) => !team.agentIds.includes(agentId));
    await this.requireAgents(caller, fresh);
    for (const agentId of fresh) await this.agents.assign(caller, id, agentId);
    await this.runner.ring(caller, id);
    return this.present(caller, id);
  }

  /** Ids of agents that do not belong to it are passed over. */
  async removeAgents(caller: Caller, id: string, agentIds: readonly string[]): Promise<Team> {
    requireScope(caller, 'swarms:write');
    const team = await this.present(caller, id);
    const leaving = [...new Set(agentIds)].filter((agentId) => team.agentIds.includes(agentId));
    for (const agentId of leaving) await this.agents.unassign(caller, id, agentId);
    return this.present(caller, id);
  }

  private async present(caller: Caller, id: string): Promise<Team> {
    const team = isUuid(id) ? await this.teams.find(caller, id) : undefined;
    if (!team) throw teamNotFound();
    return team;
  }

  private async requireAgents(caller: Caller, agentIds: readonly string[]): Promise<void> {
    if (!agentIds.every(isUuid)) throw agentNotFound();
    const existing = await this.teams.existing(caller, agentIds);
    if (existing.size < agentIds.length) throw agentNotFound();
  }
}
