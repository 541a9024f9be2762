import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { type HistogramMetric, Logger, Metrics, runWithContext } from '#libs/observability';
import { Admission } from './admission.js';
import { ErrorFilter, pathOf } from './error-filter.js';
import { type PolicyTable, isOpen, policyOf, policyProblems } from './policy.js';
import type { ApiReply, ApiRequest, EdgeState } from './request.js';
import { RouteBook } from './route-book.js';
import { StreamWatch } from './stream-watch.js';
import { SurfaceRegistry } from './surface-registry.js';
import { POLICY_TABLE_TOKEN } from './tokens.js';

const DRAIN_MS = 10_000;

/** The hooks every request passes before Nest sees it. Installed once, before the routes are registered. */
@Injectable()
export class HttpEdge implements BeforeApplicationShutdown {
  private readonly routes = new RouteBook();
  private readonly duration: HistogramMetric<'method' | 'route' | 'status'>;
  private fastify: FastifyInstance | undefined;

  constructor(
    @Inject(Admission) private readonly admission: Admission,
    @Inject(StreamWatch) private readonly streams: StreamWatch,
    @Inject(SurfaceRegistry) private readonly surfaces: SurfaceRegistry,
    @Inject(POLICY_TABLE_TOKEN) private readonly table: PolicyTable,
    @Inject(Logger) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.duration = metrics.histogram('rookery_http_request_duration_seconds', 'Time to answer, by route template', [
      'method',
      'route',
      'status',
    ]);
  }

  install(fastify: FastifyInstance): void {
    this.fastify = fastify;
    fastify.addHook('onRoute', (route) => {
      this.routes.add(route.method, route.url);
      const bodyLimit = policyOf(this.table, String(route.method), route.url)?.bodyLimitBytes;
      if (bodyLimit !== undefined) route.bodyLimit = bodyLimit;
    });
    fastify.addHook('onRequest', (request: ApiRequest, reply, done) => {
      request.edge = this.open(request);
      reply.header('x-request-id', request.id);
      runWithContext({ requestId: request.id }, done);
    });
    fastify.addHook('onRequest', async (request: ApiRequest, reply) => {
      if (request.edge) await this.admission.admit(request, reply, request.edge);
    });
    // Reading a body leaves the context of the first hook.
    fastify.addHook('preValidation', (request: ApiRequest, _reply, done) => {
      const orgId = request.edge?.caller?.orgId;
      runWithContext({ requestId: request.id, ...(orgId ? { orgId } : {}) }, done);
    });
    fastify.addHook('onSend', (request: ApiRequest, _reply, payload, done) => {
      this.streams.watch(request, payload);
      done(null, payload);
    });
    fastify.addHook('onResponse', (request: ApiRequest, reply, done) => {
      this.close(request, reply);
      done();
    });
  }

  /** Requests the router refuses before any hook: malformed URLs. They are counted and answered like the others. */
  async refuse(error: unknown, request: ApiRequest, reply: ApiReply, filter: ErrorFilter): Promise<void> {
    const edge: EdgeState = {
      startedAtMs: performance.now(),
      surface: this.surfaces.find(pathOf(request)),
      policy: { who: ['public'] },
    };
    request.edge = edge;
    reply.header('x-request-id', request.id);
    const limited = await this.admission.admit(request, reply, edge).catch((refusal: unknown) => refusal);
    filter.answer(limited ?? error, request, reply);
    this.close(request, reply);
  }

  /** @throws Error naming each route without a row and each row without a route. */
  checkPolicy(): void {
    const problems = policyProblems(this.table, this.routes.all());
    if (problems.length > 0) throw new Error(`The policy table does not fit the routes:\n  ${problems.join('\n  ')}`);
  }

  /** Every method and path template the router knows. */
  registeredRoutes(): readonly { method: string; path: string }[] {
    return this.routes.all();
  }

  /** Streams have no end of their own: after a grace they are cut, so that the process can stop. */
  beforeApplicationShutdown(): void {
    const server = this.fastify?.server;
    setTimeout(() => server?.closeAllConnections(), DRAIN_MS).unref();
  }

  private open(request: ApiRequest): EdgeState {
    const path = request.is404 ? pathOf(request) : (request.routeOptions.url ?? '/');
    const policy = request.is404 ? undefined : policyOf(this.table, request.method, path);
    const edge: EdgeState = { startedAtMs: performance.now(), surface: this.surfaces.find(path, policy), policy };
    if (request.is404) edge.allow = this.routes.methodsAt(path);
    return edge;
  }

  private close(request: ApiRequest, reply: ApiReply): void {
    const seconds = (performance.now() - (request.edge?.startedAtMs ?? performance.now())) / 1_000;
    const route = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
    const method = request.is404 ? 'ANY' : request.method;
    this.duration.observe({ method, route, status: String(reply.statusCode) }, seconds);
    const { policy, caller } = request.edge ?? {};
    if (policy?.limit === 'none' && isOpen(policy)) return;
    this.logger.info('request', {
      requestId: request.id,
      method: request.method,
      path: pathOf(request),
      route,
      status: reply.statusCode,
      durationMs: Math.round(seconds * 10_000) / 10,
      ...(caller ? { orgId: caller.orgId, subject: caller.subject } : { address: request.ip }),
    });
  }
}

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The caller's own X-Request-Id when it is short and harmless, else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
