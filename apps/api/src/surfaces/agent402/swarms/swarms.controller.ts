import { Body, Delete, Get, HttpCode, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import { TeamsService } from '#libs/orchestration';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { IdempotencyOf, type IdempotencySlot, Idempotent } from '../../../http/idempotency/idempotent.js';
import { Agent402Controller, Refuses } from '../agent402.openapi.js';
import { toPageRequest } from '../agent402.paging.js';
import {
  CreateSwarmDto,
  ListSwarmsQuery,
  RemoveSwarmAgentsDto,
  SwarmAgentsDto,
  SwarmAgentsQuery,
  SwarmDto,
  SwarmListDto,
  UpdateSwarmDto,
} from './swarms.dto.js';
import { idsToRemove, toCreateTeam, toListTeams, toSwarm, toSwarmList, toUpdateTeam } from './swarms.mapper.js';

@Agent402Controller('Swarms', 'api/v1/swarms')
export class SwarmsController {
  constructor(@Inject(TeamsService) private readonly teams: TeamsService) {}

  /** The organisation's swarms, newest first. */
  @Get()
  @Refuses(422)
  async listSwarms(@CallerOf() caller: Caller, @Query() query: ListSwarmsQuery): Promise<SwarmListDto> {
    return toSwarmList(await this.teams.list(caller, toListTeams(query)), toPageRequest(query));
  }

  /** Make a swarm. An agent of another swarm changes over. */
  @Post()
  @Idempotent()
  @Refuses(404, 422)
  async createSwarm(
    @CallerOf() caller: Caller,
    @Body() body: CreateSwarmDto,
    @IdempotencyOf() slot: IdempotencySlot | undefined,
  ): Promise<SwarmDto> {
    return toSwarm(await this.teams.create(caller, toCreateTeam(body), slot?.resourceId));
  }

  /** One swarm with its agents. */
  @Get(':id')
  @Refuses(404)
  async getSwarm(@CallerOf() caller: Caller, @Param('id') id: string): Promise<SwarmDto> {
    return toSwarm(await this.teams.get(caller, id));
  }

  /** Change it; a run under way goes by the new goal from its next step on. */
  @Patch(':id')
  @Refuses(404, 422)
  async updateSwarm(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: UpdateSwarmDto,
  ): Promise<SwarmDto> {
    return toSwarm(await this.teams.update(caller, id, toUpdateTeam(body)));
  }

  /** Delete it with its runs; its agents stay. */
  @Delete(':id')
  @HttpCode(204)
  @Refuses(404)
  async deleteSwarm(@CallerOf() caller: Caller, @Param('id') id: string): Promise<void> {
    await this.teams.delete(caller, id);
  }

  /** Add agents; those that belong to it already stay. */
  @Post(':id/agents')
  @HttpCode(200)
  @Refuses(404, 422)
  async addAgents(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: SwarmAgentsDto,
  ): Promise<SwarmDto> {
    return toSwarm(await this.teams.addAgents(caller, id, body.agent_ids));
  }

  /** Take agents out; ids that do not belong to it are passed over. */
  @Delete(':id/agents')
  @Refuses(404, 422)
  async removeAgents(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Query() query: SwarmAgentsQuery,
    @Body() body?: RemoveSwarmAgentsDto,
  ): Promise<SwarmDto> {
    return toSwarm(await this.teams.removeAgents(caller, id, idsToRemove(body, query)));
  }
}
