import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '#libs/config';
import { type Logger, NestLogger } from '#libs/observability';
import { ApiModule } from './api.module.js';
import { HttpEdge, requestIdOf } from './http/edge.js';
import { ErrorFilter } from './http/error-filter.js';
import { parseJsonBody } from './http/json-body.js';

type Refuse = (error: Error, request: FastifyRequest, reply: FastifyReply) => void;

const BODY_LIMIT_BYTES = 1024 * 1024;
const LONGEST_PARAMETER = 1_000;
const REQUEST_TIMEOUT_MS = 60_000;

/**
 * The API, ready to `listen`. The caller closes it.
 * @throws Error when the schema or the policy table doesn't fit this build.
 */
export async function createApi(
  config: Config,
  logger: Logger,
  module: DynamicModule = ApiModule.forRoot(config, logger),
): Promise<NestFastifyApplication> {
  let refuse: Refuse = (error, _request, reply) => void reply.send(error);
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    trustProxy: trustedProxies(config.http.trustProxy),
    requestIdHeader: false,
    genReqId: requestIdOf,
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => refuse(error, request, reply),
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  const edge = app.get(HttpEdge);
  const filter = app.get(ErrorFilter);
  refuse = (error, request, reply) => void edge.refuse(error, request, reply, filter);
  edge.install(app.getHttpAdapter().getInstance());
  readJsonOnly(app);
  if (config.http.corsOrigins.length > 0) enableCors(app, config.http.corsOrigins);
  try {
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    edge.checkPolicy();
  } catch (error) {
    await app.close().catch(() => undefined);
    throw error;
  }
  return app;
}

/** An empty body counts as none: many clients name the type of what they don't send. */
function readJsonOnly(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, body.length === 0 ? undefined : parseJsonBody(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
}

function enableCors(app: NestFastifyApplication, origins: readonly string[]): void {
  app.enableCors({
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: [
      'x-request-id',
      'x-ratelimit-limit',
      'x-ratelimit-remaining',
      'x-ratelimit-reset',
      'retry-after',
      'idempotent-replayed',
      'x-run-id',
    ],
    maxAge: 600,
  });
}

/** `TRUST_PROXY=2` means two hops: the nearest two addresses are proxies of ours. */
function trustedProxies(given: string | boolean): string | boolean | ((address: string, hop: number) => boolean) {
  if (typeof given !== 'string' || !/^\d+$/.test(given)) return given;
  const hops = Number(given);
  return (_address, hop) => hop < hops;
}
