import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough, type Readable, pipeline } from 'node:stream';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { Egress, type EgressLimits, type EgressResponse } from '#libs/egress';
import { DomainError, type ErrorKind, notFound } from '#libs/kernel';
import { type HistogramMetric, Logger, Metrics } from '#libs/observability';
import { AgentGate } from './agent-gate.js';
import { answerError } from '../http/answer.js';
import { bearerOf } from './credentials.js';
import { type McpTarget, McpTargets } from './mcp-targets.js';
import { secretMask } from './secret-mask.js';

const ROUTE = /^\/door\/mcp\/([a-z0-9][a-z0-9-]{0,31})$/;
const METHODS = ['GET', 'POST', 'DELETE'];
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** A message up to this size is read before it is sent, so that it can be repeated where the server redirects. */
const MAX_REPEATABLE_BYTES = 256 * 1024;
const MOST_OPEN = 64;
/** A tool may work for minutes before it answers, and a stream of notifications may be silent. */
const LIMITS: EgressLimits = {
  maxResponseBytes: 8 * 1024 * 1024,
  timeoutMs: 0,
  headersTimeoutMs: 300_000,
  idleTimeoutMs: 900_000,
  maxRedirects: 3,
};
const PASSED_ON = /^(accept|content-type|last-event-id|mcp-[a-z0-9-]+)$/;
const PASSED_BACK = /^(content-type|content-length|cache-control|retry-after|mcp-[a-z0-9-]+)$/;
const STATUS: Partial<Record<ErrorKind, number>> = {
  validation: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  payload_too_large: 413,
  rate_limited: 429,
  upstream_failed: 502,
  unavailable: 503,
};

/**
 * Carries MCP's streamable HTTP between an agent and a server in its config. The agent names the server; address and
 * headers are the edge's business, and secrets it filled in are blanked in the answer. Streams pass as they come.
 */
@Injectable()
export class McpDoor implements BeforeApplicationShutdown {
  private readonly open = new Map<string, number>();
  private readonly notifications = new Set<AbortController>();
  private readonly answered: HistogramMetric<'outcome'>;

  constructor(
    @Inject(AgentGate) private readonly gate: AgentGate,
    @Inject(McpTargets) private readonly targets: McpTargets,
    @Inject(Egress) private readonly egress: Egress,
    @Inject(Logger) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.answered = metrics.histogram(
      'rookery_mcp_answer_seconds',
      "From an agent's message to an MCP server to the first byte of the answer, by outcome",
      ['outcome'],
    );
  }

  static serves(url: string): boolean {
    return url.startsWith('/door/mcp/');
  }

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const leaving = new AbortController();
    res.once('close', () => leaving.abort());
    const startedAt = performance.now();
    const measure = (outcome: string): void =>
      this.answered.observe({ outcome }, (performance.now() - startedAt) / 1000);
    try {
      const name = ROUTE.exec(req.url ?? '')?.[1];
      if (name === undefined) throw notFound('MCP server');
      if (!METHODS.includes(req.method ?? '')) throw refused('method_not_allowed', 'MCP knows GET, POST and DELETE');
      const agent = await this.gate.admit(req, bearerOf(req));
      this.enter(agent.agentId, res);
      const target = await this.targets.find(agent, name);
      if (req.method === 'GET') this.followUntilShutdown(leaving, res);
      const answer = await this.send(req, target, leaving.signal);
      measure(answer.status < 400 ? 'answered' : 'failed');
      passBack(answer, res, target);
    } catch (error) {
      if (res.destroyed) return;
      measure('refused');
      this.refuse(res, error);
    }
  }

  /** Streams that would end only with their agent do not keep the edge from ending. */
  beforeApplicationShutdown(): void {
    for (const stream of this.notifications) stream.abort();
  }

  private async send(req: IncomingMessage, target: McpTarget, signal: AbortSignal): Promise<EgressResponse> {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(req.headers)) {
      if (PASSED_ON.test(name) && typeof value === 'string') headers[name] = value;
    }
    const body = req.method === 'POST' ? await bodyOf(req) : undefined;
    if (body && !Buffer.isBuffer(body)) headers['content-length'] = String(req.headers['content-length']);
    const request = { method: req.method ?? 'GET', headers: { ...headers, ...target.headers }, signal, limits: LIMITS };
    return this.egress.fetch(target.url, body === undefined ? request : { ...request, body });
  }

  private enter(agentId: string, res: ServerResponse): void {
    const others = this.open.get(agentId) ?? 0;
    if (others >= MOST_OPEN)
      throw refused('rate_limited', `The agent has ${MOST_OPEN} exchanges with MCP servers open`);
    this.open.set(agentId, others + 1);
    res.once('close', () => {
      const left = (this.open.get(agentId) ?? 1) - 1;
      if (left > 0) this.open.set(agentId, left);
      else this.open.delete(agentId);
    });
  }

  private followUntilShutdown(stream: AbortController, res: ServerResponse): void {
    this.notifications.add(stream);
    res.once('close', () => this.notifications.delete(stream));
  }

  private refuse(res: ServerResponse, error: unknown): void {
    const known = error instanceof DomainError ? error : undefined;
    if (!known) this.logger.error('the MCP door failed', { error });
    else if (known.kind === 'upstream_failed') this.logger.warn('an MCP server failed', { code: known.code });
    const status = known?.code === 'egress_timeout' ? 504 : (STATUS[known?.kind ?? 'internal'] ?? 500);
    res.setHeader('connection', 'close');
    answerError(res, status, known?.code ?? 'internal', known?.message ?? 'The MCP door failed');
  }
}

function passBack(answer: EgressResponse, res: ServerResponse, { secrets }: McpTarget): void {
  const mask = answer.headers['content-encoding'] === undefined ? secretMask(secrets) : unreadable(answer);
  for (const [name, value] of Object.entries(answer.headers)) {
    const isBlank = !secrets.some((secret) => String(value).includes(secret));
    if (PASSED_BACK.test(name) && isBlank && !(mask && name === 'content-length')) res.setHeader(name, value);
  }
  res.writeHead(answer.status);
  res.flushHeaders();
  const streams: [Readable, ...NodeJS.ReadWriteStream[], ServerResponse] = mask
    ? [answer.body, mask, res]
    : [answer.body, res];
  pipeline(streams, () => undefined);
}

/** Nothing was said about compression to the server, and secrets could not be found in it. */
function unreadable(answer: EgressResponse): never {
  answer.body.destroy();
  throw refused('upstream_failed', 'The MCP server compresses its answers, although it was asked not to');
}

async function bodyOf(req: IncomingMessage): Promise<Buffer | Readable> {
  const length = Number(req.headers['content-length'] ?? Number.NaN);
  if (!Number.isInteger(length)) throw refused('validation', 'A message needs a content-length');
  if (length > MAX_BODY_BYTES) throw refused('payload_too_large', 'A message may have 4 MiB');
  if (length > MAX_REPEATABLE_BYTES) return req.pipe(new PassThrough());
  const parts: Buffer[] = [];
  for await (const part of req) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const refused = (kind: ErrorKind, message: string): DomainError => new DomainError(kind, `mcp_${kind}`, message);
