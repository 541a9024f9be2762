import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { DomainError } from '#libs/kernel';
import { Metrics, authoriseScrape } from '#libs/observability';
import { answerError, answerJson } from './http/answer.js';
import { HttpDoor } from './http/http-door.js';

const DRAIN_MS = 1_000;

/** `GET /metrics` and `GET /healthz` of a worker, where METRICS_PORT says so. */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly door = new HttpDoor('The metrics door (METRICS_PORT)', (req, res) => this.handle(req, res));
  private listening: AddressInfo | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  /** Where it listens; undefined without METRICS_PORT. */
  get address(): AddressInfo | undefined {
    return this.listening;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { port, bind } = this.config.metrics;
    if (port !== undefined) this.listening = await this.door.listen(port, bind);
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.door.close(DRAIN_MS);
  }

  private async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.method !== 'GET') return answerError(res, 405, 'method_not_allowed', 'This door only shows');
    if (req.url === '/healthz') return answerJson(res, 200, { status: 'ok' });
    if (req.url !== '/metrics') return answerError(res, 404, 'not_found', 'There are /metrics and /healthz here');
    try {
      authoriseScrape(this.config.security.metricsToken, req.headers, req.socket.remoteAddress);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return answerError(res, error.kind === 'forbidden' ? 403 : 401, error.code, error.message);
    }
    const text = await this.metrics.render();
    res.writeHead(200, { 'content-type': this.metrics.contentType, 'cache-control': 'no-store' }).end(text);
  }
}
