import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { GatewayError } from './gateway-error.js';
import type { ModelEvent, TokenUsage } from './model-client.js';

export type EndEvent = Extract<ModelEvent, { kind: 'end' }>;

/** Puts one reply on the wire. */
export interface CompletionWriter {
  begin(): void;
  text(text: string, signal: AbortSignal): Promise<void>;
  end(event: EndEvent): void;
  fail(error: GatewayError): void;
}

/** `text/event-stream` of OpenAI `chat.completion.chunk`s; waits when the client reads slower than the model writes. */
export class StreamedCompletion implements CompletionWriter {
  private readonly head: object;
  private first = true;

  constructor(
    private readonly res: ServerResponse,
    model: string,
  ) {
    this.head = completionHead('chat.completion.chunk', model);
  }

  begin(): void {
    this.res.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    this.res.flushHeaders();
  }

  async text(text: string, signal: AbortSignal): Promise<void> {
    const delta = this.first ? { role: 'assistant', content: text } : { content: text };
    this.first = false;
    const flowing = this.res.write(this.frame({ choices: [{ index: 0, delta, finish_reason: null }] }));
    if (!flowing) await once(this.res, 'drain', { signal });
  }

  end(event: EndEvent): void {
    const finished = this.frame({ choices: [{ index: 0, delta: {}, finish_reason: event.finishReason }] });
    this.res.end(`${finished}${this.frame({ choices: [], usage: usageOf(event.usage) })}data: [DONE]\n\n`);
  }

  fail(error: GatewayError): void {
    this.res.end(`data: ${JSON.stringify(error.toBody())}\n\n`);
  }

  private frame(body: object): string {
    return `data: ${JSON.stringify({ ...this.head, ...body })}\n\n`;
  }
}

/** One OpenAI `chat.completion`, sent when the reply is whole. */
export class WholeCompletion implements CompletionWriter {
  private readonly parts: string[] = [];

  constructor(
    private readonly res: ServerResponse,
    private readonly model: string,
  ) {}

  begin(): void {
    // Nothing is sent before the outcome is known.
  }

  async text(text: string): Promise<void> {
    this.parts.push(text);
  }

  end(event: EndEvent): void {
    const message = { role: 'assistant', content: this.parts.join('') };
    sendJson(this.res, 200, {
      ...completionHead('chat.completion', this.model),
      choices: [{ index: 0, message, finish_reason: event.finishReason }],
      usage: usageOf(event.usage),
    });
  }

  fail(error: GatewayError): void {
    sendJson(this.res, error.status, error.toBody());
  }
}

/** Sends a JSON body, unless the answer has begun or the client is gone. */
export function sendJson(
  res: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (res.headersSent || res.destroyed) return;
  const text = JSON.stringify(body);
  res.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  res.end(text);
}

const completionHead = (object: string, model: string): object => ({
  id: `chatcmpl-${randomUUID()}`,
  object,
  created: Math.floor(Date.now() / 1000),
  model,
});

const usageOf = ({ inputTokens, outputTokens, cachedTokens }: TokenUsage): object => ({
  prompt_tokens: inputTokens,
  completion_tokens: outputTokens,
  total_tokens: inputTokens + outputTokens,
  ...(!cachedTokens ? {} : { prompt_tokens_details: { cached_tokens: cachedTokens } }),
});
