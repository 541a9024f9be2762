import { Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { HostsService } from '#libs/agents';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { AgentoController, AnswersData, AnswersPage, Refuses } from '../agento.openapi.js';
import { type AgentoPage, agentoPage } from '../agento.paging.js';
import { HostDto, ListHostsQuery } from './hosts.dto.js';
import { hostWindow, toHostAnswer, toHostDto } from './hosts.mapper.js';

@AgentoController('Hosts', 'v1/hosts')
export class HostsController {
  constructor(@Inject(HostsService) private readonly hosts: HostsService) {}

  /** The machines that run agents. For platform admins. */
  @Get()
  @AnswersPage(HostDto, 'The hosts')
  @Refuses(400)
  async listHosts(@CallerOf() caller: Caller, @Query() query: ListHostsQuery): Promise<AgentoPage<HostDto>> {
    return agentoPage(await this.hosts.list(caller, hostWindow(query)), toHostDto, hostWindow(query));
  }

  /** One host. */
  @Get(':hostId')
  @AnswersData(HostDto, 'The host')
  @Refuses(404)
  async getHost(@CallerOf() caller: Caller, @Param('hostId') id: string): Promise<{ data: HostDto }> {
    return toHostAnswer(await this.hosts.get(caller, id));
  }

  /** Place nothing more on a host, and move its agents to others, a few at once. */
  @Post(':hostId/drain')
  @HttpCode(200)
  @AnswersData(HostDto, 'The host drains; `agents` tells how many are left')
  @Refuses(404)
  async drainHost(@CallerOf() caller: Caller, @Param('hostId') id: string): Promise<{ data: HostDto }> {
    return toHostAnswer(await this.hosts.drain(caller, id, true));
  }

  /** Let a draining host take agents again. */
  @Post(':hostId/undrain')
  @HttpCode(200)
  @AnswersData(HostDto, 'The host takes agents')
  @Refuses(404)
  async undrainHost(@CallerOf() caller: Caller, @Param('hostId') id: string): Promise<{ data: HostDto }> {
    return toHostAnswer(await this.hosts.drain(caller, id, false));
  }
}
