import { GATEWAY_TOKEN } from './agent-program.js';

export interface ChatOptions {
  readonly session?: string;
  readonly peer?: string;
  readonly turn?: number;
  readonly refill?: boolean;
  readonly stream?: boolean;
  readonly token?: string;
  readonly signal?: AbortSignal;
}

export interface StreamedChat {
  readonly text: string;
  readonly error: { readonly code: string; readonly message: string } | undefined;
  readonly finishReason: string | undefined;
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number } | undefined;
  readonly done: boolean;
}

interface Frame {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: StreamedChat['usage'];
  readonly error?: StreamedChat['error'];
}

/** Sends one request to the gateway; `messages` may be a single user message. */
export function post(url: string, messages: string | readonly object[], options: ChatOptions = {}): Promise<Response> {
  const body = { stream: options.stream ?? true, messages: typeof messages === 'string' ? [user(messages)] : messages };
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: headersOf(options),
    body: JSON.stringify(body),
    signal: options.signal ?? null,
  });
}

export const user = (content: string): object => ({ role: 'user', content });
export const assistant = (content: string): object => ({ role: 'assistant', content });
export const system = (content: string): object => ({ role: 'system', content });

/** Sends one message and reads its stream to the end. */
export async function chat(
  url: string,
  messages: string | readonly object[],
  options: ChatOptions = {},
): Promise<StreamedChat> {
  const response = await post(url, messages, options);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return gather(await response.text());
}

/** The text deltas of a stream as they arrive. */
export async function* textOf(response: Response): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    rest += decoder.decode(bytes as Uint8Array, { stream: true });
    const frames = rest.split('\n\n');
    rest = frames.pop() ?? '';
    for (const frame of frames) {
      const { text } = gather(`${frame}\n\n`);
      if (text !== '') yield text;
    }
  }
}

function gather(stream: string): StreamedChat {
  const data = stream.split('\n\n').flatMap((frame) => (frame.startsWith('data: ') ? [frame.slice(6)] : []));
  const frames = data.filter((text) => text !== '[DONE]').map((text) => JSON.parse(text) as Frame);
  const choices = frames.flatMap((frame) => frame.choices ?? []);
  return {
    text: choices.map((choice) => choice.delta?.content ?? '').join(''),
    error: frames.find((frame) => frame.error)?.error,
    finishReason: choices.find((choice) => choice.finish_reason)?.finish_reason ?? undefined,
    usage: frames.find((frame) => frame.usage)?.usage,
    done: data.at(-1) === '[DONE]',
  };
}

function headersOf(options: ChatOptions): Record<string, string> {
  return {
    'content-type': 'application/json',
    authorization: `Bearer ${options.token ?? GATEWAY_TOKEN}`,
    ...(options.session === undefined ? {} : { 'x-openclaw-session-key': options.session }),
    ...(options.peer === undefined ? {} : { 'x-rookery-peer': encodeURIComponent(options.peer) }),
    ...(options.turn === undefined ? {} : { 'x-rookery-turn': String(options.turn) }),
    ...(options.refill ? { 'x-rookery-refill': '1' } : {}),
  };
}
