import { Body, Get, HttpCode, Inject, Param, Patch, Post, Put, Query } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { CallerOf, ClientGone } from '../../../http/caller-of.js';
import { IdempotencyOf, type IdempotencySlot, Idempotent } from '../../../http/idempotency/idempotent.js';
import { Agent402Controller, Refuses, TakesIdempotencyKey } from '../agent402.openapi.js';
import { PageQuery, toPageRequest } from '../agent402.paging.js';
import {
  AgentActionDto,
  AgentDto,
  AgentReplyDto,
  AgentSettingsDto,
  HeartbeatExecutionListDto,
  MessageAgentDto,
  UpdateAgentDto,
} from './agents.dto.js';
import { toAgentAction, toAgentDto, toAgentReply, toAgentSettings, toHeartbeatExecutions } from './agents.mapper.js';
import { OwnedAgents } from './owned-agents.js';

@Agent402Controller('Agents', 'api/v1/agents/:id')
export class AgentsController {
  constructor(@Inject(OwnedAgents) private readonly agents: OwnedAgents) {}

  /** Change an agent. What its instance is made from takes effect at its next start. */
  @Put()
  @Refuses(404, 422)
  async updateAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: UpdateAgentDto,
  ): Promise<AgentDto> {
    return toAgentDto(await this.agents.update(caller, id, body));
  }

  /** What can be changed of an agent. */
  @Get('settings')
  @Refuses(404)
  async getAgentSettings(@CallerOf() caller: Caller, @Param('id') id: string): Promise<AgentSettingsDto> {
    return toAgentSettings(await this.agents.read(caller, id));
  }

  /** The same as PUT on the agent. */
  @Patch('settings')
  @Refuses(404, 422)
  async updateAgentSettings(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: UpdateAgentDto,
  ): Promise<AgentDto> {
    return toAgentDto(await this.agents.update(caller, id, body));
  }

  /** Try again to provision an agent that has failed, or wait for one that is being provisioned. */
  @Post('provision')
  @HttpCode(200)
  @Refuses(404, 409)
  async provisionAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @ClientGone() gone: AbortSignal,
  ): Promise<AgentActionDto> {
    return toAgentAction(await this.agents.command(caller, id, 'provision', gone), 'Provisioning was asked for');
  }

  /** Ask the agent and wait for its answer. Both stand in the caller's newest conversation with it. */
  @Post('message')
  @HttpCode(200)
  @Idempotent()
  @TakesIdempotencyKey()
  @Refuses(404, 409, 422, 502)
  async messageAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: MessageAgentDto,
    @IdempotencyOf() slot: IdempotencySlot | undefined,
    @ClientGone() signal: AbortSignal,
  ): Promise<AgentReplyDto> {
    return toAgentReply(id, await this.agents.message(caller, id, body.message, { signal, runId: slot?.resourceId }));
  }

  /** Stop a running agent until it is resumed. Its files stay; nothing wakes it. */
  @Post('pause')
  @HttpCode(200)
  @Refuses(404, 409)
  async pauseAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @ClientGone() gone: AbortSignal,
  ): Promise<AgentActionDto> {
    return toAgentAction(await this.agents.command(caller, id, 'pause', gone), 'A pause was asked for');
  }

  /** Start a paused agent again. */
  @Post('resume')
  @HttpCode(200)
  @Refuses(404, 409)
  async resumeAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @ClientGone() gone: AbortSignal,
  ): Promise<AgentActionDto> {
    return toAgentAction(await this.agents.command(caller, id, 'resume', gone), 'The end of the pause was asked for');
  }

  /** What came of its heartbeats, the latest first. */
  @Get('heartbeats')
  @Refuses(404, 422)
  async listHeartbeats(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Query() query: PageQuery,
  ): Promise<HeartbeatExecutionListDto> {
    return toHeartbeatExecutions(await this.agents.beats(caller, id, toPageRequest(query)), toPageRequest(query));
  }
}
