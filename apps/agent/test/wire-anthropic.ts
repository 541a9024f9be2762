import type { Wire } from './provider-server.js';

interface Block {
  readonly type: string;
  readonly text?: string;
  readonly id?: string;
  readonly tool_use_id?: string;
  readonly content?: string | readonly Block[];
}

interface Body {
  readonly model: string;
  readonly stream: boolean;
  readonly max_tokens?: number;
  readonly temperature?: number;
  readonly system?: string | readonly Block[];
  readonly messages: readonly { readonly role: 'user' | 'assistant'; readonly content: string | readonly Block[] }[];
  readonly tools?: readonly { readonly name: string; readonly input_schema: { readonly type?: string } }[];
  readonly tool_choice?: { readonly type: string };
}

const event = (type: string, body: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...body })}\n\n`;

const textOf = (content: string | readonly Block[]): string =>
  typeof content === 'string' ? content : content.map((block) => block.text ?? '').join('');

/** `POST /messages`: docs.anthropic.com, Messages and Streaming Messages. */
export const anthropicWire: Wire = {
  read(path, headers, json) {
    const body = json as unknown as Body;
    if (path !== '/messages') throw new Error(`unknown path ${path}`);
    if (!headers['anthropic-version']) throw new Error('anthropic-version: header is required');
    if (!body.max_tokens) throw new Error('max_tokens: field required');
    if (!body.stream) throw new Error('not a stream');
    checkTools(body);
    const said = body.messages.filter(({ content }) => typeof content === 'string' || content.some(isText));
    const messages = said.map(({ role, content }) => ({ role, text: textOf(content) }));
    if (messages[0]?.role !== 'user') throw new Error('messages: first message must use the user role');
    if (messages.some(({ text }) => text === '')) throw new Error('messages: text content blocks must be non-empty');
    return {
      key: String(headers['x-api-key'] ?? ''),
      model: body.model,
      system: textOf(body.system ?? ''),
      messages,
      temperature: body.temperature,
      maxTokens: body.max_tokens,
      tools: body.tool_choice?.type === 'none' ? [] : (body.tools ?? []).map(({ name }) => name),
      results: blocksOf(body).flatMap((block) => (block.type === 'tool_result' ? [textOf(block.content ?? '')] : [])),
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
  calls: (calls) =>
    event('content_block_stop', { index: 0 }) +
    calls
      .map(
        ({ name, input }, nr) =>
          event('content_block_start', {
            index: nr + 1,
            content_block: { type: 'tool_use', id: `toolu_${name}_${nr}`, name, input: {} },
          }) +
          event('content_block_delta', {
            index: nr + 1,
            delta: { type: 'input_json_delta', partial_json: JSON.stringify(input) },
          }) +
          event('content_block_stop', { index: nr + 1 }),
      )
      .join('') +
    event('message_delta', { delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: { output_tokens: 3 } }) +
    event('message_stop', {}),
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

const isText = ({ type }: Block): boolean => type === 'text';

const blocksOf = (body: Body): Block[] =>
  body.messages.flatMap(({ content }) => (typeof content === 'string' ? [] : [...content]));

/** Every `tool_use` needs its `tool_result` in the next message, and the tools have to be declared. */
function checkTools(body: Body): void {
  if (body.tools?.some(({ input_schema }) => input_schema.type !== 'object')) throw new Error('tools: invalid schema');
  body.messages.forEach(({ content }, index) => {
    if (typeof content === 'string') return;
    const calls = content.filter(({ type }) => type === 'tool_use');
    if (calls.length > 0 && !body.tools) throw new Error('requests with tool_use blocks must define tools');
    const next = body.messages[index + 1]?.content ?? '';
    const answered = typeof next === 'string' ? [] : next.map((block) => block.tool_use_id);
    if (calls.some(({ id }) => !answered.includes(id))) throw new Error('tool_use ids without tool_result');
  });
}
