import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { CONFIG, type Config } from '#libs/config';
import { Metrics, authoriseScrape } from '#libs/observability';
import type { FastifyReply, FastifyRequest } from 'fastify';

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
    authoriseScrape(this.config.security.metricsToken, request.headers, request.socket.remoteAddress);
    reply.header('content-type', this.metrics.contentType).header('cache-control', 'no-store');
    return this.metrics.render();
  }
}
