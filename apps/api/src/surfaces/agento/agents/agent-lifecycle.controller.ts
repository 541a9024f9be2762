import { Body, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { AgentsService } from '#libs/agents';
import type { Caller } from '#libs/kernel';
import { CallerOf, ClientGone } from '../../../http/caller-of.js';
import { Idempotent } from '../../../http/idempotency/idempotent.js';
import { AgentoController, AnswersData, Refuses } from '../agento.openapi.js';
import {
  AgentStatusDto,
  StartedAgentDto,
  StoppedAgentDto,
  UpdateImageDto,
  UpdatedImageDto,
} from './agent-lifecycle.dto.js';
import { AgentWhyDto } from './agent-why.dto.js';
import { toAgentStatus, toAgentWhy, toStartedAgent, toStoppedAgent, toUpdatedImage } from './agents.mapper.js';
import { SettledAgents } from './settled-agents.js';

@AgentoController('Agents', 'v1/agents/:id')
export class AgentLifecycleController {
  constructor(
    @Inject(AgentsService) private readonly agents: AgentsService,
    @Inject(SettledAgents) private readonly settled: SettledAgents,
  ) {}

  /** Start a stopped agent. A running one stays as it is. */
  @Post('start')
  @HttpCode(200)
  @AnswersData(StartedAgentDto, 'The agent runs')
  @Refuses(404)
  async startAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ data: StartedAgentDto }> {
    return toStartedAgent(await this.settled.start(caller, id, gone));
  }

  /** Stop a running agent; its workspace is kept. A stopped one stays as it is. */
  @Post('stop')
  @HttpCode(200)
  @AnswersData(StoppedAgentDto, 'The agent is stopped')
  @Refuses(404)
  async stopAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ data: StoppedAgentDto }> {
    return toStoppedAgent(await this.settled.stop(caller, id, gone));
  }

  /** Remove the container and make a fresh one from the present configuration, secrets and skills. */
  @Post('restart')
  @HttpCode(200)
  @AnswersData(StartedAgentDto, 'The agent runs again')
  @Refuses(404)
  async restartAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ data: StartedAgentDto }> {
    return toStartedAgent(await this.settled.restart(caller, id, gone));
  }

  /** Ours: make everything of the agent that runs anew, whatever state it was in; what it wrote is kept. */
  @Post('repair')
  @HttpCode(200)
  @AnswersData(StartedAgentDto, 'The agent runs again')
  @Refuses(404)
  async repairAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ data: StartedAgentDto }> {
    return toStartedAgent(await this.settled.repair(caller, id, gone));
  }

  /**
   * Ours: have the agent forget what it noted and what was said to it. Personality, rules, skills and knowledge stay, and stored
   * conversations can still be read. A stopped agent stays stopped.
   */
  @Post('reset-memory')
  @HttpCode(200)
  @AnswersData(StartedAgentDto, 'The agent has forgotten')
  @Refuses(404)
  async resetAgentMemory(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ data: StartedAgentDto }> {
    return toStartedAgent(await this.settled.resetMemory(caller, id, gone));
  }

  /**
   * Ours: move the agent to another image. One on which it is not ready, and does not stay ready, gives way to the former image
   * without anybody's doing; `why` tells what was wrong. A stopped agent takes it at its next start.
   */
  @Post('update')
  @HttpCode(200)
  @Idempotent()
  @AnswersData(
    UpdatedImageDto,
    'The agent runs, on the new image or on the former one again; or it is still on its way',
  )
  @Refuses(400, 404)
  async updateAgentImage(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: UpdateImageDto,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ data: UpdatedImageDto }> {
    return toUpdatedImage(await this.settled.updateImage(caller, id, body.image, gone));
  }

  /** What the agent does right now and what it uses. */
  @Get('status')
  @AnswersData(AgentStatusDto, 'The present status')
  @Refuses(404)
  async getAgentStatus(@CallerOf() caller: Caller, @Param('id') id: string): Promise<{ data: AgentStatusDto }> {
    return toAgentStatus(await this.agents.liveStatus(caller, id));
  }

  /** Why the agent is in its state: what is wanted, what is, the last changes with their causes, and what to do. */
  @Get('why')
  @AnswersData(AgentWhyDto, 'The explanation')
  @Refuses(404)
  async explainAgent(@CallerOf() caller: Caller, @Param('id') id: string): Promise<{ data: AgentWhyDto }> {
    return toAgentWhy(await this.agents.why(caller, id));
  }
}
