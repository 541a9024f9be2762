import { Body, Delete, Get, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import { AgentsService } from '#libs/agents';
import type { Caller } from '#libs/kernel';
import { CallerOf, ClientGone } from '../../../http/caller-of.js';
import { IdempotencyOf, type IdempotencySlot, Idempotent } from '../../../http/idempotency/idempotent.js';
import { AgentoController, AnswersData, AnswersPage, Refuses, TakesIdempotencyKey } from '../agento.openapi.js';
import { type AgentoPage, agentoPage } from '../agento.paging.js';
import { CreateAgentDto, ListAgentsQuery, UpdateAgentDto } from './agent-requests.dto.js';
import { AgentDetailsDto, AgentSummaryDto, CreatedAgentDto, DeletedAgentDto, UpdatedAgentDto } from './agents.dto.js';
import {
  toAgentDetails,
  toAgentSummary,
  toCreateAgent,
  toCreatedAgent,
  toDeletedAgent,
  toUpdateAgent,
  toUpdatedAgent,
} from './agents.mapper.js';
import { SettledAgents } from './settled-agents.js';

@AgentoController('Agents', 'v1/agents')
export class AgentsController {
  constructor(
    @Inject(AgentsService) private readonly agents: AgentsService,
    @Inject(SettledAgents) private readonly settled: SettledAgents,
  ) {}

  /** List the agents of the account, newest first. Deleted agents are left out. */
  @Get()
  @AnswersPage(AgentSummaryDto, 'The agents')
  @Refuses(400)
  async listAgents(@CallerOf() caller: Caller, @Query() query: ListAgentsQuery): Promise<AgentoPage<AgentSummaryDto>> {
    return agentoPage(await this.agents.list(caller, query), toAgentSummary, query);
  }

  /** Create an agent and start it. Answers once it runs; after 20 s with what is reached by then. */
  @Post()
  @Idempotent()
  @TakesIdempotencyKey()
  @AnswersData(CreatedAgentDto, 'The agent was created', 201)
  @Refuses(400, 404, 413, 422)
  async createAgent(
    @CallerOf() caller: Caller,
    @Body() body: CreateAgentDto,
    @IdempotencyOf() slot: IdempotencySlot | undefined,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ data: CreatedAgentDto }> {
    return toCreatedAgent(await this.settled.create(caller, toCreateAgent(body), slot?.resourceId, gone));
  }

  /** Get one agent with its configuration and state. Secrets never appear. */
  @Get(':id')
  @AnswersData(AgentDetailsDto, 'The agent')
  @Refuses(404)
  async getAgent(@CallerOf() caller: Caller, @Param('id') id: string): Promise<{ data: AgentDetailsDto }> {
    return toAgentDetails(await this.agents.get(caller, id));
  }

  /** Change name, avatar, configuration or swarm. A change that touches the running agent sets needsRestart. */
  @Patch(':id')
  @AnswersData(UpdatedAgentDto, 'The agent was changed')
  @Refuses(400, 404, 413)
  async updateAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: UpdateAgentDto,
  ): Promise<{ data: UpdatedAgentDto }> {
    return toUpdatedAgent(await this.agents.update(caller, id, toUpdateAgent(body)));
  }

  /** Stop an agent and erase it with its data and secrets. There is no way back. */
  @Delete(':id')
  @AnswersData(DeletedAgentDto, 'The agent is gone')
  @Refuses(404)
  async deleteAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ data: DeletedAgentDto }> {
    return toDeletedAgent(await this.settled.delete(caller, id, gone));
  }
}
