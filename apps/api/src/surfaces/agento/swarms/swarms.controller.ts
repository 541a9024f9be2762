import { Body, Delete, Get, Inject, Param, Patch, Post } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { SwarmsService } from '#libs/swarms';
import { CallerOf } from '../../../http/caller-of.js';
import { IdempotencyOf, type IdempotencySlot, Idempotent } from '../../../http/idempotency/idempotent.js';
import { AgentoController, AnswersData, AnswersList, Refuses, TakesIdempotencyKey } from '../agento.openapi.js';
import { CreateSwarmDto, DeletedSwarmDto, SwarmDetailsDto, SwarmDto, UpdateSwarmDto } from './swarms.dto.js';
import { toCreateSwarm, toDeletedSwarm, toSwarm, toSwarmDetails, toSwarms, toUpdateSwarm } from './swarms.mapper.js';

@AgentoController('Swarms', 'v1/swarms')
export class SwarmsController {
  constructor(@Inject(SwarmsService) private readonly swarms: SwarmsService) {}

  /** All swarms of the account, newest first, with the number of their agents and members. */
  @Get()
  @AnswersList(SwarmDto, 'The swarms')
  async listSwarms(@CallerOf() caller: Caller): Promise<{ data: SwarmDto[] }> {
    return toSwarms(await this.swarms.list(caller));
  }

  /** Make a swarm. A unique slug is made from its name. */
  @Post()
  @Idempotent()
  @TakesIdempotencyKey()
  @AnswersData(SwarmDto, 'The swarm was made', 201)
  @Refuses(400, 413, 422)
  async createSwarm(
    @CallerOf() caller: Caller,
    @Body() body: CreateSwarmDto,
    @IdempotencyOf() slot: IdempotencySlot | undefined,
  ): Promise<{ data: SwarmDto }> {
    return toSwarm(await this.swarms.create(caller, toCreateSwarm(body), slot?.resourceId));
  }

  /** Get one swarm with its agents. */
  @Get(':id')
  @AnswersData(SwarmDetailsDto, 'The swarm')
  @Refuses(404)
  async getSwarm(@CallerOf() caller: Caller, @Param('id') id: string): Promise<{ data: SwarmDetailsDto }> {
    return toSwarmDetails(await this.swarms.details(caller, id));
  }

  /** Change name, description or icon. The slug stays. */
  @Patch(':id')
  @AnswersData(SwarmDto, 'The swarm was changed')
  @Refuses(400, 404, 413)
  async updateSwarm(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: UpdateSwarmDto,
  ): Promise<{ data: SwarmDto }> {
    return toSwarm(await this.swarms.update(caller, id, toUpdateSwarm(body)));
  }

  /** Delete a swarm. Its agents stay without one; its provider credentials are removed at once. */
  @Delete(':id')
  @AnswersData(DeletedSwarmDto, 'The swarm is gone')
  @Refuses(404)
  async deleteSwarm(@CallerOf() caller: Caller, @Param('id') id: string): Promise<{ data: DeletedSwarmDto }> {
    return this.swarms.delete(caller, id).then(() => toDeletedSwarm(id));
  }
}
