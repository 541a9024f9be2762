import { Body, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiHeader, ApiOkResponse } from '@nestjs/swagger';
import type { Caller } from '#libs/kernel';
import { CallerOf, ClientGone } from '../../http/caller-of.js';
import { IdempotencyOf, type IdempotencySlot, Idempotent } from '../../http/idempotency/idempotent.js';
import { Agent402Controller, Refuses, TakesIdempotencyKey } from '../agent402/agent402.openapi.js';
import { toPageRequest } from '../agent402/agent402.paging.js';
import { OwnedAgents } from '../agent402/agents/owned-agents.js';
import {
  CreateSharedAgentDto,
  ListSharedAgentsQuery,
  SharedAgentDto,
  SharedAgentListDto,
  SharedHeartbeatDto,
} from './agents.dto.js';
import { toSharedAgent, toSharedAgentList, toSharedHeartbeat } from './agents.mapper.js';
import { API_PROFILES, type ApiProfile, Profile } from './profile.js';
import { SharedAgents } from './shared-agents.js';

const HasProfiles = (): MethodDecorator =>
  ApiHeader({
    name: 'X-Api-Profile',
    required: false,
    description: "Answers in one contract's form alone; the query parameter `profile` does the same",
    schema: { type: 'string', enum: [...API_PROFILES] },
  });

@Agent402Controller('Agents', 'api/v1/agents')
export class SharedAgentsController {
  constructor(
    @Inject(SharedAgents) private readonly shared: SharedAgents,
    @Inject(OwnedAgents) private readonly owned: OwnedAgents,
  ) {}

  /** The workspace's agents, newest first. */
  @Get()
  @HasProfiles()
  @ApiOkResponse({ type: SharedAgentListDto })
  @Refuses(422)
  async listAgents(
    @CallerOf() caller: Caller,
    @Query() query: ListSharedAgentsQuery,
    @Profile() profile: ApiProfile | undefined,
  ): Promise<Partial<SharedAgentListDto>> {
    const page = toPageRequest(query);
    return toSharedAgentList(await this.shared.list(caller, query, page), page, profile);
  }

  /** Make an agent and provision it at once. Answers once it runs; after 20 s with what is reached by then. */
  @Post()
  @HasProfiles()
  @Idempotent()
  @TakesIdempotencyKey()
  @ApiCreatedResponse({ type: SharedAgentDto })
  @Refuses(404, 422)
  async createAgent(
    @CallerOf() caller: Caller,
    @Body() body: CreateSharedAgentDto,
    @Profile() profile: ApiProfile | undefined,
    @IdempotencyOf() slot: IdempotencySlot | undefined,
    @ClientGone() gone: AbortSignal,
  ): Promise<SharedAgentDto> {
    return toSharedAgent(await this.shared.create(caller, body, slot?.resourceId, gone), profile);
  }

  /** One agent. */
  @Get(':id')
  @HasProfiles()
  @Refuses(404)
  async getAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Profile() profile: ApiProfile | undefined,
  ): Promise<SharedAgentDto> {
    return toSharedAgent(await this.owned.read(caller, id), profile);
  }

  /** Stop an agent and erase it with its data and secrets. There is no way back. */
  @Delete(':id')
  @HttpCode(204)
  @Refuses(404)
  async deleteAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @ClientGone() gone: AbortSignal,
  ): Promise<void> {
    await this.owned.remove(caller, id, gone);
  }

  /** Have the agent go through its checklist now, and wait for it. */
  @Post(':id/heartbeat')
  @HttpCode(200)
  @HasProfiles()
  @Idempotent()
  @TakesIdempotencyKey()
  @ApiOkResponse({ type: SharedHeartbeatDto })
  @Refuses(404, 409)
  async beatAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Profile() profile: ApiProfile | undefined,
    @IdempotencyOf() slot: IdempotencySlot | undefined,
  ): Promise<Partial<SharedHeartbeatDto>> {
    return toSharedHeartbeat(...(await this.shared.beat(caller, id, slot?.resourceId)), profile);
  }
}
