import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { type RelayClaims, gatewayToken, sameSecret, verifyRelayToken } from '#libs/crypto';
import { type HistogramMetric, Metrics } from '#libs/observability';
import { LRUCache } from 'lru-cache';
import { answerError, answerJson } from '../http/answer.js';
import { endToEndHeaders, forward } from './forward.js';
import { bearerOf } from './credentials.js';
import { LocalAddresses } from './local-address.js';

/** What the API and the worker may ask of a gateway. */
const GATEWAY_PATHS: ReadonlySet<string> = new Set([
  'GET healthz',
  'GET readyz',
  'POST v1/chat/completions',
  'POST v1/skills/discard',
]);
const ROUTE = /^\/relay\/([0-9a-f-]{36})\/([^?]*)(\?.*)?$/i;
const NOT_PASSED_ON: ReadonlySet<string> = new Set(['authorization', 'host', 'cookie', 'x-forwarded-for', 'forwarded']);
/** How long a token that was checked is not checked again; it may live longer by as much. */
const CHECKED_FOR_MS = 5_000;
const CHECKED_MOST = 10_000;
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** The API's way to the gateways of this host: `ANY /relay/<agent id>/<gateway path>` with a relay token. */
@Injectable()
export class RelayDoor implements OnApplicationShutdown {
  private readonly sockets = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 256 });
  private readonly addresses = new LocalAddresses();
  private readonly checked = new LRUCache<string, RelayClaims>({ max: CHECKED_MOST, ttl: CHECKED_FOR_MS });
  private readonly firstByte: HistogramMetric<'outcome'>;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {
    this.firstByte = metrics.histogram(
      'rookery_relay_answer_seconds',
      'From a relayed request to the first byte of the answer, by outcome',
      ['outcome'],
    );
  }

  handle(req: IncomingMessage, res: ServerResponse): void {
    const url = req.url ?? '/';
    if (url === '/healthz') return answerJson(res, 200, { status: 'ok' });
    if (url === '/metrics') return void this.answerMetrics(req, res);
    const route = ROUTE.exec(url);
    if (!route) return answerError(res, 404, 'not_found', 'The relay has no such route');
    const [, agentId = '', path = '', query = ''] = route;
    const claims = this.claims(req, agentId);
    if (!claims) return answerError(res, 401, 'invalid_token', 'The relay token is not valid for this host and agent');
    if (!GATEWAY_PATHS.has(`${req.method} ${path}`)) {
      return answerError(res, 404, 'not_found', 'The relay does not pass this on to gateways');
    }
    this.pass(req, res, claims, `/${path}${query}`);
  }

  onApplicationShutdown(): void {
    this.sockets.destroy();
  }

  private pass(req: IncomingMessage, res: ServerResponse, claims: RelayClaims, path: string): void {
    const startedAt = performance.now();
    const measure = (outcome: string): void =>
      this.firstByte.observe({ outcome }, (performance.now() - startedAt) / 1000);
    const token = gatewayToken(this.config.security.jwtSecret, claims.agentId, claims.epoch);
    const url = new URL(`http://${claims.endpoint}${path}`);
    const unreachable = (): void => {
      measure('unreachable');
      answerError(res, 502, 'agent_unreachable', 'The agent does not answer on its endpoint');
    };
    const localAddress = this.addresses.towards(url.hostname);
    if (localAddress === undefined) return unreachable();
    forward(req, res, {
      url,
      localAddress,
      headers: { ...endToEndHeaders(req, NOT_PASSED_ON), authorization: `Bearer ${token}` },
      agent: this.sockets,
      maxBodyBytes: MAX_BODY_BYTES,
      onAnswer: (answer) => {
        measure((answer.statusCode ?? 500) < 500 ? 'answered' : 'failed');
        return false;
      },
      onUnreachable: unreachable,
      onTooLarge: () => answerError(res, 413, 'payload_too_large', 'The body is too large'),
    });
  }

  private claims(req: IncomingMessage, agentId: string): RelayClaims | undefined {
    try {
      const token = bearerOf(req) ?? '';
      const claims = this.verified(token);
      return claims.hostId === this.config.host.id && claims.agentId === agentId ? claims : undefined;
    } catch {
      return undefined;
    }
  }

  private verified(token: string): RelayClaims {
    const known = this.checked.get(token);
    if (known) return known;
    const claims = verifyRelayToken(this.config.security.jwtSecret, token);
    this.checked.set(token, claims);
    return claims;
  }

  /** Only for who knows METRICS_TOKEN; without one there are no metrics here. */
  private async answerMetrics(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { metricsToken } = this.config.security;
    if (metricsToken === undefined || !sameSecret(bearerOf(req) ?? '', metricsToken)) {
      return answerError(res, 404, 'not_found', 'The relay has no such route');
    }
    const text = await this.metrics.render();
    res.writeHead(200, { 'content-type': this.metrics.contentType }).end(text);
  }
}
