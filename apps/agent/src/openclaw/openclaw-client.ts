import { type IncomingMessage, request } from 'node:http';
import { createParser } from 'eventsource-parser';
import { GatewayError } from '../gateway-error.js';

export interface OpenclawMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface OpenclawTurn {
  /** OpenClaw's agent, see `openclaw-config.ts`. */
  readonly agent: string;
  /** `agent:<agent>:<key>`. */
  readonly sessionKey: string;
  readonly messages: readonly OpenclawMessage[];
  readonly temperature: number | undefined;
  readonly maxTokens: number | undefined;
}

export type OpenclawEvent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'usage'; readonly inputTokens: number; readonly outputTokens: number };

const MOST_FRAME_CHARACTERS = 1_048_576;
const MOST_REASON = 300;

/** Speaks with OpenClaw's chat completions endpoint on this machine. */
export class OpenclawClient {
  constructor(
    private readonly port: number,
    private readonly token: string,
  ) {}

  /**
   * Yields the reply; ends normally only after `[DONE]`. Leaving cancels the run.
   * @throws GatewayError; the signal's reason when it fired
   */
  async *chat(turn: OpenclawTurn, signal: AbortSignal): AsyncGenerator<OpenclawEvent> {
    const answer = await this.post(turn, signal);
    try {
      if (answer.statusCode !== 200) throw failed(`status ${answer.statusCode}`);
      yield* events(answer);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof GatewayError ? error : failed('the connection broke');
    } finally {
      answer.destroy();
    }
  }

  private post(turn: OpenclawTurn, signal: AbortSignal): Promise<IncomingMessage> {
    const body = JSON.stringify({
      model: `openclaw/${turn.agent}`,
      stream: true,
      stream_options: { include_usage: true },
      messages: turn.messages,
      ...(turn.temperature === undefined ? {} : { temperature: turn.temperature }),
      ...(turn.maxTokens === undefined ? {} : { max_completion_tokens: turn.maxTokens }),
    });
    const headers = {
      authorization: `Bearer ${this.token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'x-openclaw-session-key': turn.sessionKey,
    };
    return new Promise((resolve, reject) => {
      const where = { host: '127.0.0.1', port: this.port, path: '/v1/chat/completions', method: 'POST', agent: false };
      const call = request({ ...where, headers, signal }, resolve);
      call.on('error', () => reject(signal.aborted ? (signal.reason as Error) : failed('it does not answer')));
      call.end(body);
    });
  }
}

async function* events(answer: IncomingMessage): AsyncGenerator<OpenclawEvent> {
  let read: (OpenclawEvent | GatewayError | 'done')[] = [];
  const parser = createParser({
    onEvent: ({ data }) => read.push(...eventsIn(data)),
    maxBufferSize: MOST_FRAME_CHARACTERS,
  });
  const decoder = new TextDecoder();
  for await (const bytes of answer) {
    parser.feed(decoder.decode(bytes as Buffer, { stream: true }));
    for (const event of read) {
      if (event === 'done') return;
      if (event instanceof GatewayError) throw event;
      yield event;
    }
    read = [];
  }
  throw failed('its answer was cut');
}

interface Frame {
  readonly error?: { readonly message?: unknown; readonly type?: unknown };
  readonly choices?: readonly { readonly delta?: { readonly content?: unknown } }[];
  readonly usage?: { readonly prompt_tokens?: unknown; readonly completion_tokens?: unknown } | null;
}

function* eventsIn(data: string): Generator<OpenclawEvent | GatewayError | 'done'> {
  if (data === '[DONE]') return yield 'done';
  const frame = JSON.parse(data) as Frame;
  if (frame.error) return yield failed(String(frame.error.message ?? ''));
  const text = frame.choices?.[0]?.delta?.content;
  if (typeof text === 'string' && text !== '') yield { kind: 'text', text };
  if (frame.usage) {
    yield {
      kind: 'usage',
      inputTokens: count(frame.usage.prompt_tokens),
      outputTokens: count(frame.usage.completion_tokens),
    };
  }
}

const count = (value: unknown): number => (typeof value === 'number' && value >= 0 ? Math.trunc(value) : 0);

const failed = (why: string): GatewayError =>
  new GatewayError(502, 'agent_failed', `OpenClaw could not answer: ${why.slice(0, MOST_REASON) || 'unknown reason'}`);
