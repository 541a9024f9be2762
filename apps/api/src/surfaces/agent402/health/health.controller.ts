import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiProduces, ApiTags } from '@nestjs/swagger';
import { CONFIG, type Config } from '#libs/config';
import type { Caller } from '#libs/kernel';
import { Metrics } from '#libs/observability';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CallerOf } from '../../../http/caller-of.js';
import { PoolHealth, scrapeMetrics } from '../../../ops/health/index.js';
import { Agent402Controller } from '../agent402.openapi.js';
import { DatabaseHealthDto, PoolStatsDto, RateLimitStatusDto } from './health.dto.js';
import { toDatabaseHealth, toPoolStats, toRateLimitStatus } from './health.mapper.js';

@Agent402Controller('Health', 'api/v1/db')
export class DatabaseHealthController {
  constructor(@Inject(PoolHealth) private readonly health: PoolHealth) {}

  /** Whether the database answers, and how busy this process's connections are. 503 when it does not. */
  @Get('health')
  async getDatabaseHealth(@CallerOf() caller: Caller): Promise<DatabaseHealthDto> {
    return toDatabaseHealth(await this.health.check(), caller.isPlatformAdmin, new Date());
  }

  /** How busy this process's connections are. */
  @Get('pool-stats')
  getPoolStats(): PoolStatsDto {
    return toPoolStats(this.health.stats(), new Date());
  }
}

@ApiTags('Health')
@Controller()
export class PublicHealthController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  /** What is counted, and how much of it is too much. */
  @Get('rate-limit-status')
  getRateLimitStatus(): RateLimitStatusDto {
    return toRateLimitStatus(this.config.limits);
  }

  /** The same as `GET /metrics`: Prometheus text, with `METRICS_TOKEN` for its bearer, without it for the server's own machine. */
  @Get('api/v1/metrics')
  @ApiProduces('text/plain')
  @ApiOkResponse({ type: String })
  getMetrics(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    return scrapeMetrics(this.metrics, this.config, request, reply);
  }
}
