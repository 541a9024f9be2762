import type { Wire } from './provider-server.js';

interface Block {
  readonly type: string;
  readonly text: string;
}

interface Body {
  readonly model: string;
  readonly stream: boolean;
  readonly max_tokens?: number;
  readonly temperature?: number;
  readonly system?: string | readonly Block[];
  readonly messages: readonly { readonly role: 'user' | 'assistant'; readonly content: string | readonly Block[] }[];
}

const event = (type: string, body: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...body })}\n\n`;

const textOf = (content: string | readonly Block[]): string =>
  typeof content === 'string' ? content : content.map((block) => block.text).join('');

/** `POST /messages`: docs.anthropic.com, Messages and Streaming Messages. */
export const anthropicWire: Wire = {
  read(path, headers, json) {
    const body = json as unknown as Body;
    if (path !== '/messages') throw new Error(`unknown path ${path}`);
    if (!headers['anthropic-version']) throw new Error('anthropic-version: header is required');
    if (!body.max_tokens) throw new Error('max_tokens: field required');
    if (!body.stream) throw new Error('not a stream');
    const messages = body.messages.map(({ role, content }) => ({ role, text: textOf(content) }));
    if (messages[0]?.role !== 'user') throw new Error('messages: first message must use the user role');
    if (messages.some(({ text }) => text === '')) throw new Error('messages: text content blocks must be non-empty');
    return {
      key: String(headers['x-api-key'] ?? ''),
      model: body.model,
      system: textOf(body.system ?? ''),
      messages,
      temperature: body.temperature,
      maxTokens: body.max_tokens,
    };
  },
  begin: () =>
    event('message_start', {
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        content: [],
        model: 'm',
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 7, output_tokens: 1 },
      },
    }) +
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
    event('ping', {}),
  text: (text) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
  end: (reason) =>
    event('content_block_stop', { index: 0 }) +
    event('message_delta', {
      delta: { stop_reason: reason === 'stop' ? 'end_turn' : 'max_tokens', stop_sequence: null },
      usage: { output_tokens: 3 },
    }) +
    event('message_stop', {}),
  errorInStream: () => event('error', { error: { type: 'overloaded_error', message: 'Overloaded' } }),
  errorBody: (status, message) => ({
    type: 'error',
    error: { type: status === 401 ? 'authentication_error' : 'invalid_request_error', message },
  }),
};
