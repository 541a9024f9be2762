import { Get, Inject, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import type { Caller } from '#libs/kernel';
import { UsageService } from '#libs/usage';
import { CallerOf } from '../../../http/caller-of.js';
import { AgentoController, Refuses } from '../agento.openapi.js';
import { UsageQueryDto, UsageReportDto } from './usage.dto.js';
import { toUsageReport, toUsageRequest } from './usage.mapper.js';

@AgentoController('Usage', 'v1/usage')
export class UsageController {
  constructor(@Inject(UsageService) private readonly usage: UsageService) {}

  /** What model calls used and cost, by UTC day, agent, swarm or model. Days come newest first, others dearest first. */
  @Get()
  @ApiOkResponse({ type: UsageReportDto, description: 'The rows and the sums of all of them' })
  @Refuses(400)
  async getUsage(@CallerOf() caller: Caller, @Query() query: UsageQueryDto): Promise<UsageReportDto> {
    return toUsageReport(await this.usage.report(caller, toUsageRequest(query)), toUsageRequest(query));
  }
}
