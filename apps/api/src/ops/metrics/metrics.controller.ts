import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { CONFIG, type Config } from '#libs/config';
import { Metrics } from '#libs/observability';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { scrapeMetrics } from './scrape.js';

@ApiExcludeController()
@Controller('metrics')
export class MetricsController {
  constructor(
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Prometheus text. With METRICS_TOKEN for its bearer; without it for this machine only. */
  @Get()
  scrape(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    return scrapeMetrics(this.metrics, this.config, request, reply);
  }
}
