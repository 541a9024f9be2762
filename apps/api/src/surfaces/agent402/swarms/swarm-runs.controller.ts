import { Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { TeamRunsService } from '#libs/orchestration';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { Agent402Controller, Refuses } from '../agent402.openapi.js';
import { PageQuery, toPageRequest } from '../agent402.paging.js';
import { SwarmDto, SwarmRunDetailsDto, SwarmRunListDto } from './swarms.dto.js';
import { toSwarm, toSwarmRunDetails, toSwarmRunList } from './swarms.mapper.js';

@Agent402Controller('Swarms', 'api/v1/swarms/:id')
export class SwarmRunsController {
  constructor(@Inject(TeamRunsService) private readonly runs: TeamRunsService) {}

  /** Begin a run. Without a goal or agents it waits for them. */
  @Post('start')
  @HttpCode(200)
  @Refuses(404, 409)
  async startSwarm(@CallerOf() caller: Caller, @Param('id') id: string): Promise<SwarmDto> {
    return toSwarm(await this.runs.start(caller, id));
  }

  /** Let what is under way end, and begin nothing further. */
  @Post('pause')
  @HttpCode(200)
  @Refuses(404, 409)
  async pauseSwarm(@CallerOf() caller: Caller, @Param('id') id: string): Promise<SwarmDto> {
    return toSwarm(await this.runs.pause(caller, id));
  }

  /** Go on with what was paused. */
  @Post('resume')
  @HttpCode(200)
  @Refuses(404, 409)
  async resumeSwarm(@CallerOf() caller: Caller, @Param('id') id: string): Promise<SwarmDto> {
    return toSwarm(await this.runs.resume(caller, id));
  }

  /** The runs of a swarm, newest first. */
  @Get('runs')
  @Refuses(404, 422)
  async listRuns(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Query() query: PageQuery,
  ): Promise<SwarmRunListDto> {
    return toSwarmRunList(await this.runs.list(caller, id, toPageRequest(query)), toPageRequest(query));
  }

  /** One run with its steps, result and cost. */
  @Get('runs/:runId')
  @Refuses(404)
  async getRun(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('runId') runId: string,
  ): Promise<SwarmRunDetailsDto> {
    return toSwarmRunDetails(await this.runs.get(caller, id, runId));
  }
}
