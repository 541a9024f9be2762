import { createParser } from 'eventsource-parser';

interface Reply<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** An agent as the agento documentation shows it; only what the suites read. */
export interface WireAgent {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly needsRestart: boolean;
  readonly startedAt: string | null;
  readonly lastError: string | null;
}

/** A small client of the agento surface, written from its documentation. */
export class AgentoClient {
  constructor(
    readonly url: string,
    private readonly apiKey: string,
  ) {}

  /** The raw answer. */
  open(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method,
      headers: {
        'x-api-key': this.apiKey,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  }

  async call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply<T>> {
    const answer = await this.open(method, path, body, headers);
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as T };
  }

  /** The `data` of a successful answer. @throws Error with the body when the answer is a refusal. */
  async data<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.call<{ data: T }>(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body.data;
  }

  createDemoAgent(name: string): Promise<WireAgent> {
    return this.data('POST', '/v1/agents', { name, secrets: {}, config: { llmProvider: 'demo' } });
  }

  agent(id: string): Promise<WireAgent> {
    return this.data('GET', `/v1/agents/${id}`);
  }

  /** Sends a chat message and gathers the frames until the stream closes. */
  async chat(id: string, message: string, more: object = {}, signal?: AbortSignal): Promise<ChatFrame[]> {
    const answer = await this.open('POST', `/v1/agents/${id}/chat/messages`, { message, ...more }, {}, signal);
    if (answer.status !== 200) throw new Error(`chat: ${answer.status} ${await answer.text()}`);
    return this.frames(answer);
  }

  /** All frames of a stream, once it has ended. */
  async frames(answer: Response): Promise<ChatFrame[]> {
    const frames: ChatFrame[] = [];
    const parser = createParser({ onEvent: ({ data }) => frames.push(JSON.parse(data) as ChatFrame) });
    const text = new TextDecoder();
    for await (const chunk of answer.body as ReadableStream<Uint8Array>)
      parser.feed(text.decode(chunk, { stream: true }));
    return frames;
  }
}

export interface ChatFrame {
  readonly type: 'text' | 'done' | 'error';
  readonly content?: string;
  readonly message?: string;
  readonly code?: string;
}

/** The whole text of a reply. */
export const textOf = (frames: readonly ChatFrame[]): string => frames.map((frame) => frame.content ?? '').join('');
