import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { signRelayToken } from '#libs/crypto';
import { DomainError } from '#libs/kernel';
import { LRUCache } from 'lru-cache';
import { ChatFrames } from './chat-frames.js';
import type { GatewayChatRequest, GatewayChunk, GatewayHealth, GatewayTarget } from './gateway.js';
import { answerError, cutError, unreachableError } from './gateway.errors.js';

/** An edge that does not accept a connection within this time counts as unreachable. */
const CONNECT_TIMEOUT_MS = 5_000;
/** A model may think long before its first token, but an answer without a byte for this long is given up. */
const SILENCE_TIMEOUT_MS = 15 * 60_000;
const HEALTH_TIMEOUT_MS = 2_000;
const DISCARD_TIMEOUT_MS = 2_000;
/** What may still come after `[DONE]` has this long. */
const END_TIMEOUT_MS = 1_000;
/** A relay token is good for 30 s; one is used for this long. */
const TOKEN_REUSE_MS = 10_000;
const TOKENS_MOST = 10_000;
const ERROR_BODY_MAX_BYTES = 16_384;

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/**
 * Client of an agent's gateway (house runtime or OpenClaw), always through the relay of the agent's host.
 * Plain `node:http`: undici with a cap on connections queued streams for seconds.
 */
@Injectable()
export class GatewayClient implements OnApplicationShutdown {
  private readonly sockets = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 256 });
  private readonly tokens = new LRUCache<string, string>({ max: TOKENS_MOST, ttl: TOKEN_REUSE_MS });

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /**
   * Sends one turn and yields the answer as it arrives. Ends normally only after the agent's `[DONE]`.
   * Leaving the loop or firing `signal` closes the connection, which the relay and the agent pass on at once.
   * @throws DomainError `conflict` code `history_required` when the turn has to be repeated with `refill`;
   *   `agent_not_running` when nothing answers at the endpoint; `upstream_failed` for everything else;
   *   the signal's reason when it fired.
   */
  async *chat(target: GatewayTarget, request: GatewayChatRequest, signal: AbortSignal): AsyncGenerator<GatewayChunk> {
    const response = await this.answer(target, {
      method: 'POST',
      path: 'v1/chat/completions',
      headers: chatHeaders(request),
      body: JSON.stringify({ model: 'agent', stream: true, messages: request.messages }),
      signal,
    });
    let isWhole = false;
    try {
      if (response.statusCode !== 200) throw answerError(response.statusCode ?? 0, await errorBody(response));
      isWhole = yield* readChunks(response);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof DomainError ? error : cutError(error);
    } finally {
      leave(response, isWhole);
    }
  }

  /** Asks the gateway whether it lives; never throws but for `signal`. */
  async health(target: GatewayTarget, signal?: AbortSignal): Promise<GatewayHealth> {
    const timeout = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
    try {
      const response = await this.answer(target, {
        method: 'GET',
        path: 'healthz',
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      response.resume();
      return { live: response.statusCode === 200, status: response.statusCode ?? null };
    } catch {
      signal?.throwIfAborted();
      return { live: false, status: null };
    }
  }

  /** Has the agent throw away folders of skills, also amid its turns. @throws DomainError when it did not within 2 s; the signal's reason */
  async discardSkills(target: GatewayTarget, skills: readonly string[], signal: AbortSignal): Promise<void> {
    const response = await this.answer(target, {
      method: 'POST',
      path: 'v1/skills/discard',
      body: JSON.stringify({ skills }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(DISCARD_TIMEOUT_MS)]),
    });
    if (response.statusCode !== 204) throw answerError(response.statusCode ?? 0, await errorBody(response));
    response.resume();
  }

  onApplicationShutdown(): void {
    this.sockets.destroy();
  }

  private async answer(target: GatewayTarget, call: Call): Promise<IncomingMessage> {
    call.signal.throwIfAborted();
    try {
      return await this.open(target, call);
    } catch (error) {
      call.signal.throwIfAborted();
      throw error instanceof DomainError ? error : unreachableError(error);
    }
  }

  private open(target: GatewayTarget, call: Call, fresh = false): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const url = new URL(`${target.edgeUrl}/relay/${target.agentId}/${call.path}`);
      const sent = httpRequest(url, {
        method: call.method,
        agent: fresh ? false : this.sockets,
        signal: call.signal,
        headers: { ...call.headers, authorization: `Bearer ${this.token(target)}`, ...bodyHeaders(call.body) },
      });
      limitTime(sent);
      sent.on('response', resolve);
      sent.on('error', (error: NodeJS.ErrnoException) => {
        // The edge closed an idle connection just as it was taken; a new one tells whether the edge is really gone.
        const stale = !fresh && sent.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        if (stale && !call.signal.aborted) this.open(target, call, true).then(resolve, reject);
        else reject(error);
      });
      sent.end(call.body);
    });
  }

  private token(target: GatewayTarget): string {
    const { hostId, agentId, epoch, endpoint } = target;
    const key = [hostId, agentId, epoch, endpoint].join(' ');
    const made = this.tokens.get(key);
    if (made !== undefined) return made;
    const token = signRelayToken(this.config.security.jwtSecret, { hostId, agentId, epoch, endpoint });
    this.tokens.set(key, token);
    return token;
  }
}

const bodyHeaders = (body: string | undefined): Record<string, string | number> =>
  body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };

function chatHeaders(request: GatewayChatRequest): Record<string, string> {
  return {
    accept: 'text/event-stream',
    'x-openclaw-session-key': request.sessionId,
    'x-rookery-turn': String(request.turn),
    ...(request.peerId === undefined ? {} : { 'x-rookery-peer': encodeURIComponent(request.peerId) }),
    ...(request.refill ? { 'x-rookery-refill': '1' } : {}),
    ...(request.requestId === undefined ? {} : { 'x-request-id': request.requestId }),
  };
}

function limitTime(sent: ClientRequest): void {
  const connecting = setTimeout(() => {
    if (sent.socket?.connecting !== false)
      sent.destroy(Object.assign(new Error('connect timed out'), { code: 'ETIMEDOUT' }));
  }, CONNECT_TIMEOUT_MS);
  connecting.unref();
  sent.on('close', () => clearTimeout(connecting));
  sent.setTimeout(SILENCE_TIMEOUT_MS, () => sent.destroy(new Error('the agent was silent for too long')));
}

/** @returns true at `[DONE]`; everything before it throws. */
async function* readChunks(response: IncomingMessage): AsyncGenerator<GatewayChunk, true> {
  const frames = new ChatFrames();
  const decoder = new StringDecoder('utf8');
  for await (const bytes of response.iterator({ destroyOnReturn: false })) {
    yield* frames.feed(decoder.write(bytes as Buffer));
    if (frames.isDone) return true;
  }
  throw cutError(undefined);
}

/**
 * A whole answer is let end, so that its connection serves the next call and the agent does not take us for having left;
 * any other is cut at once.
 */
function leave(response: IncomingMessage, isWhole: boolean): void {
  if (!isWhole) return void response.destroy();
  const cut = setTimeout(() => response.destroy(), END_TIMEOUT_MS);
  response.once('close', () => clearTimeout(cut));
  response.on('error', () => undefined);
  response.resume();
}

async function errorBody(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const bytes of response) {
    parts.push(bytes as Buffer);
    size += (bytes as Buffer).length;
    if (size > ERROR_BODY_MAX_BYTES) break;
  }
  return Buffer.concat(parts).toString('utf8');
}
