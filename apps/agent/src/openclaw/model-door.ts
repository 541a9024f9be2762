import { randomBytes } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendJson } from '../completion-writer.js';
import { GatewayError } from '../gateway-error.js';
import { log } from '../log.js';
import { toGatewayError } from '../provider-errors.js';
import type { ModelSettings, ProviderName } from '../settings.js';
import type { ActiveTurns } from './active-turns.js';

const MAX_BODY_BYTES = 32 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
const RETRY_PAUSE_MS = 2_000;
/** Time in which OpenClaw learns that its run is cancelled before its call of the model breaks. */
const CANCEL_FIRST_MS = 300;

const CREDENTIAL: Readonly<Record<ProviderName, (token: string) => Record<string, string>>> = {
  openai: (token) => ({ authorization: `Bearer ${token}` }),
  demo: (token) => ({ authorization: `Bearer ${token}` }),
  anthropic: (token) => ({ 'x-api-key': token }),
  google: (token) => ({ 'x-goog-api-key': token }),
};
const PASSED = ['accept', 'content-type', 'anthropic-version', 'anthropic-beta', 'openai-beta', 'x-goog-api-client'];

/**
 * OpenClaw's way to its model: passes calls on to the broker with the agent's token, which OpenClaw never has. A call that
 * fails ends its turn at once with what went wrong; left alone OpenClaw repeats for minutes, forgets why, and after one
 * refused key gives up on the key for all sessions.
 */
export class ModelDoor {
  /** What OpenClaw sends as its key. */
  readonly key = randomBytes(24).toString('base64url');
  private readonly server: Server;

  constructor(
    private readonly model: ModelSettings,
    private readonly turns: ActiveTurns,
  ) {
    this.server = createServer({ requestTimeout: 0 }, (req, res) => {
      this.pass(req, res).catch((error: unknown) => {
        log('error', `a call of the model failed: ${error instanceof Error ? error.name : 'unknown'}`);
        res.destroy();
      });
    });
  }

  /** @returns the port on 127.0.0.1 */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => this.server.once('error', reject).listen(0, '127.0.0.1', resolve));
    const address = this.server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async pass(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (!Object.values(req.headers).some((value) => typeof value === 'string' && value.endsWith(this.key))) {
      return sendJson(res, 401, { error: { message: 'This door is for OpenClaw' } });
    }
    const body = await bodyOf(req);
    const left = new AbortController();
    res.once('close', () => left.abort());
    const failure = await this.attempts(req, res, body, left.signal);
    if (failure && !left.signal.aborted) await this.report(failure, body, res);
  }

  private async attempts(
    req: IncomingMessage,
    res: ServerResponse,
    body: Buffer,
    left: AbortSignal,
  ): Promise<GatewayError | undefined> {
    for (let attempt = 0; ; attempt += 1) {
      const failure = await this.attempt(req, res, body, left);
      const again = failure !== undefined && !res.headersSent && attempt < this.model.retries && isPassing(failure);
      if (!again || left.aborted) return failure;
      await sleep(RETRY_PAUSE_MS, undefined, { signal: left }).catch(() => undefined);
    }
  }

  private attempt(
    req: IncomingMessage,
    res: ServerResponse,
    body: Buffer,
    signal: AbortSignal,
  ): Promise<GatewayError | undefined> {
    return new Promise((resolve) => {
      const url = new URL(this.model.baseUrl + (req.url ?? '/').replace(/^\/v1(beta)?(?=\/)/, ''));
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const call = send(url, { method: req.method ?? 'POST', headers: this.headers(req, body), signal, agent: false });
      const fail = (error: unknown): void => resolve(toGatewayError(error, [this.model.token]));
      call.setTimeout(this.model.silenceTimeoutMs, () => call.destroy(silence()));
      call.on('error', fail);
      call.once('response', (answer) => {
        answer.on('error', fail);
        if ((answer.statusCode ?? 500) >= 300) void refusal(answer).then(fail);
        else stream(answer, res, resolve);
      });
      call.end(body);
    });
  }

  private headers(req: IncomingMessage, body: Buffer): Record<string, string | number> {
    const passed = PASSED.flatMap((name) => (typeof req.headers[name] === 'string' ? [[name, req.headers[name]]] : []));
    return {
      ...(Object.fromEntries(passed) as Record<string, string>),
      ...CREDENTIAL[this.model.provider](this.model.token),
      'content-length': body.length,
    };
  }

  private async report(failure: GatewayError, body: Buffer, res: ServerResponse): Promise<void> {
    const turn = this.turns.of(body.toString('utf8'));
    log('warn', `a call of the model failed: ${failure.code}`);
    if (turn) {
      turn.fail(failure);
      await sleep(CANCEL_FIRST_MS);
    }
    if (res.headersSent) res.destroy();
    // 400 is final for OpenClaw and says nothing against the key
    else sendJson(res, isPassing(failure) ? 503 : 400, { error: { message: failure.message, code: failure.code } });
  }
}

/** Worth another try. */
const isPassing = ({ code }: GatewayError): boolean =>
  ['provider_rate_limited', 'provider_timeout', 'provider_unreachable', 'provider_error'].includes(code);

const silence = (): GatewayError =>
  new GatewayError(504, 'provider_timeout', 'The AI provider was silent for too long.');

function stream(answer: IncomingMessage, res: ServerResponse, done: (failure?: GatewayError) => void): void {
  res.writeHead(answer.statusCode ?? 200, { 'content-type': answer.headers['content-type'] ?? 'application/json' });
  res.flushHeaders();
  answer.on('data', (bytes: Buffer) => {
    if (res.write(bytes)) return;
    answer.pause();
    res.once('drain', () => answer.resume());
  });
  answer.once('close', () => {
    if (answer.complete) {
      res.end();
      done();
    } else done(new GatewayError(502, 'provider_error', 'The AI provider broke off its answer.'));
  });
}

/** A provider's refusal in the form the errors of the house runtime's SDK have. */
async function refusal(answer: IncomingMessage): Promise<object> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const bytes of answer) {
    size += (bytes as Buffer).length;
    if (size <= MAX_ERROR_BYTES) parts.push(bytes as Buffer);
  }
  const { message, code } = errorIn(Buffer.concat(parts).toString('utf8'));
  if (code === 'budget_exceeded') return new GatewayError(429, code, message || 'The budget is used up.');
  return { statusCode: Math.max(400, answer.statusCode ?? 502), message };
}

function errorIn(body: string): { message: string; code: string } {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown; code?: unknown; type?: unknown } };
    const code = error?.code === 'budget_exceeded' || error?.type === 'budget_exceeded' ? 'budget_exceeded' : '';
    return { message: typeof error?.message === 'string' ? error.message : '', code };
  } catch {
    return { message: '', code: '' };
  }
}

function bodyOf(req: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    req.on('data', (part: Buffer) => {
      size += part.length;
      if (size > MAX_BODY_BYTES) req.destroy(new Error('the request to the model is too large'));
      else parts.push(part);
    });
    req.on('end', () => resolve(Buffer.concat(parts)));
    req.on('error', reject);
  });
}
