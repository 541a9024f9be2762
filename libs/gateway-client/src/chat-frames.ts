import { createParser } from 'eventsource-parser';
import { DomainError } from '#libs/kernel';
import type { GatewayChunk } from './gateway.js';

/** One frame larger than this is no chat chunk. */
const FRAME_MAX_LENGTH = 1_048_576;

interface ChunkBody {
  readonly error?: { readonly code?: unknown; readonly message?: unknown };
  readonly choices?: readonly { readonly delta?: { readonly content?: unknown } }[];
  readonly usage?: { readonly prompt_tokens?: unknown; readonly completion_tokens?: unknown } | null;
}

/** Turns the text of an OpenAI chat completion stream, however it was cut, into chunks. */
export class ChatFrames {
  /** True once `[DONE]` has been read. */
  isDone = false;
  private chunks: GatewayChunk[] = [];
  private failure: unknown;
  private readonly parser = createParser({
    onEvent: (event) => this.frame(event.data),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') this.failure = error;
    },
    maxBufferSize: FRAME_MAX_LENGTH,
  });

  /** @throws DomainError `upstream_failed` when the stream carries an error or is no chat stream. */
  *feed(text: string): Generator<GatewayChunk> {
    try {
      this.parser.feed(text);
    } catch (error) {
      this.failure ??= error;
    }
    const read = this.chunks;
    this.chunks = [];
    yield* read;
    if (this.failure instanceof DomainError) throw this.failure;
    if (this.failure) {
      throw new DomainError('upstream_failed', 'bad_answer', 'The agent sent an answer that cannot be read');
    }
  }

  private frame(data: string): void {
    if (this.isDone || this.failure) return;
    if (data === '[DONE]') {
      this.isDone = true;
      return;
    }
    const body = JSON.parse(data) as ChunkBody;
    if (body.error) {
      this.failure = new DomainError(
        'upstream_failed',
        text(body.error.code, 'agent_failed'),
        text(body.error.message),
      );
      return;
    }
    const content = body.choices?.[0]?.delta?.content;
    if (typeof content === 'string' && content !== '') this.chunks.push({ kind: 'text', text: content });
    if (body.usage) {
      const { prompt_tokens: prompt, completion_tokens: completion } = body.usage;
      this.chunks.push({ kind: 'usage', promptTokens: count(prompt), completionTokens: count(completion) });
    }
  }
}

const text = (value: unknown, fallback = 'The agent could not answer'): string =>
  typeof value === 'string' && value !== '' ? value.slice(0, 500) : fallback;

const count = (value: unknown): number => (typeof value === 'number' && value >= 0 ? Math.trunc(value) : 0);
