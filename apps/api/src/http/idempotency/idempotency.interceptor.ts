import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { type Observable, from, lastValueFrom } from 'rxjs';
import { type Caller, DomainError, conflict, invalid, madeBefore } from '#libs/kernel';
import type { ApiReply, ApiRequest } from '../request.js';
import { IdempotencyRepository, type KeyedRequest, type RememberedRequest } from './idempotency.repository.js';
import { IDEMPOTENCY_MODE, type IdempotencyMode } from './idempotent.js';

const LONGEST_WAIT_MS = 25_000;
const POLL_MS = 200;
const KEY = /^[\x21-\x7e]{1,255}$/;

interface Exchange {
  readonly request: ApiRequest;
  readonly reply: ApiReply;
  readonly caller: Caller;
  readonly keyed: KeyedRequest;
  readonly mode: IdempotencyMode;
  readonly next: CallHandler;
}

/** Does the work of a keyed POST once and replays its answer for a day. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    @Inject(IdempotencyRepository) private readonly keys: IdempotencyRepository,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const mode = this.reflector.get<IdempotencyMode | undefined>(IDEMPOTENCY_MODE, context.getHandler());
    const http = context.switchToHttp();
    const request = http.getRequest<ApiRequest>();
    const key = request.headers['idempotency-key'];
    const caller = request.edge?.caller;
    if (!mode || typeof key !== 'string' || !caller) return next.handle();
    if (!KEY.test(key)) throw invalid('Idempotency-Key must be 1 to 255 visible ASCII characters');
    const keyed = keyedRequest(caller, key, request);
    return from(this.once({ request, reply: http.getResponse<ApiReply>(), caller, keyed, mode, next }));
  }

  private async once(exchange: Exchange): Promise<unknown> {
    const { caller, keyed } = exchange;
    const deadline = Date.now() + LONGEST_WAIT_MS;
    for (;;) {
      const resourceId = await this.keys.claim(caller, keyed);
      if (resourceId !== undefined) return this.work(exchange, resourceId);
      const known = await this.keys.find(caller, keyed);
      if (known) refuseOtherRequest(keyed, known);
      if (known?.status === 'done') return this.replay(exchange, known);
      if (Date.now() > deadline || exchange.reply.raw.destroyed) throw inProgress();
      await sleep(POLL_MS);
    }
  }

  private async work(exchange: Exchange, resourceId: string): Promise<unknown> {
    const { request, reply, caller, keyed, mode, next } = exchange;
    let bound = false;
    if (request.edge) {
      request.edge.idempotency = {
        resourceId,
        replayRunId: undefined,
        bindRun: async (runId) => {
          await this.keys.bindRun(caller, keyed, runId);
          bound = true;
        },
      };
    }
    try {
      const body: unknown = await lastValueFrom(next.handle(), { defaultValue: undefined });
      if (mode === 'json') await this.keys.complete(caller, keyed, reply.statusCode, body);
      else if (mode === 'secret') await this.keys.complete(caller, keyed, reply.statusCode, undefined);
      else if (!bound) await this.keys.release(caller, keyed);
      return body;
    } catch (error) {
      if (!bound) await this.keys.release(caller, keyed).catch(() => undefined);
      throw error;
    }
  }

  private async replay(exchange: Exchange, known: RememberedRequest): Promise<unknown> {
    const { request, reply, mode, next } = exchange;
    if (mode === 'secret') throw madeBefore(known.resourceId);
    reply.header('idempotent-replayed', 'true');
    if (known.runId !== null) {
      const slot = { resourceId: known.runId, replayRunId: known.runId, bindRun: () => Promise.resolve() };
      if (request.edge) request.edge.idempotency = slot;
      return lastValueFrom(next.handle(), { defaultValue: undefined });
    }
    reply.code(known.response?.status ?? 200);
    return known.response?.body ?? undefined;
  }
}

function keyedRequest(caller: Caller, key: string, request: ApiRequest): KeyedRequest {
  const hash = createHash('sha256')
    .update(JSON.stringify(request.body ?? null))
    .digest();
  const path = request.raw.url?.split('?', 1)[0] ?? '';
  return { caller: caller.subject, key, route: `${request.method} ${path}`, hash };
}

function refuseOtherRequest(keyed: KeyedRequest, known: RememberedRequest): void {
  if (keyed.route === known.route && keyed.hash.equals(known.hash)) return;
  throw new DomainError(
    'unprocessable',
    'idempotency_key_reused',
    'This Idempotency-Key was used with another request; use a new key for each request',
  );
}

const inProgress = (): DomainError =>
  conflict('idempotency_in_progress', 'A request with this Idempotency-Key is still under way; try again shortly');
