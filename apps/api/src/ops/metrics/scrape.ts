import type { Config } from '#libs/config';
import { type Metrics, authoriseScrape } from '#libs/observability';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Prometheus text. With METRICS_TOKEN for its bearer; without it for this machine only. */
export function scrapeMetrics(
  metrics: Metrics,
  config: Config,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<string> {
  authoriseScrape(config.security.metricsToken, request.headers, request.socket.remoteAddress);
  reply.header('content-type', metrics.contentType).header('cache-control', 'no-store');
  return metrics.render();
}
