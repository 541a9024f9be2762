import type { Wire } from './provider-server.js';

interface Message {
  readonly role: string;
  readonly content: unknown;
  readonly tool_call_id?: string;
  readonly tool_calls?: readonly { readonly id: string }[];
}

interface Body {
  readonly model: string;
  readonly stream: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly messages: readonly Message[];
  readonly tools?: readonly { readonly function: { readonly name: string; readonly parameters: { type?: string } } }[];
  readonly tool_choice?: string;
  readonly temperature?: number;
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
}

const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm' };
const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };
const frame = (body: object): string => `data: ${JSON.stringify({ ...head, ...body })}\n\n`;
const choice = (delta: object, reason: string | null): object => ({
  choices: [{ index: 0, delta, finish_reason: reason }],
});

/** `POST /chat/completions`: platform.openai.com/docs/api-reference/chat. */
export const openaiWire: Wire = {
  read(path, headers, json) {
    const body = json as unknown as Body;
    if (path !== '/chat/completions') throw new Error(`unknown path ${path}`);
    if (!body.stream || !body.stream_options?.include_usage) throw new Error('not a stream with usage');
    checkCalls(body.messages);
    if (body.tools?.some((tool) => tool.function.parameters.type !== 'object')) throw new Error('invalid parameters');
    const texts = body.messages.map(({ role, content }) => ({ role, text: textOf(content) }));
    return {
      key: (headers.authorization ?? '').replace(/^Bearer /, ''),
      model: body.model,
      system: texts.flatMap(({ role, text }) => (role === 'system' || role === 'developer' ? [text] : [])).join('\n'),
      messages: texts.flatMap(({ role, text }) =>
        (role === 'user' || role === 'assistant') && text !== '' ? [{ role, text }] : [],
      ),
      temperature: body.temperature,
      maxTokens: body.max_completion_tokens ?? body.max_tokens,
      tools: body.tool_choice === 'none' ? [] : (body.tools ?? []).map((tool) => tool.function.name),
      results: texts.flatMap(({ role, text }) => (role === 'tool' ? [text] : [])),
    };
  },
  begin: () => frame(choice({ role: 'assistant', content: '' }, null)),
  text: (text) => frame(choice({ content: text }, null)),
  calls: (calls) =>
    calls
      .map(({ name, input }, index) => {
        const called = { index, id: `call_${name}_${index}`, type: 'function', function: { name, arguments: '' } };
        const more = { index, function: { arguments: JSON.stringify(input) } };
        return frame(choice({ tool_calls: [called] }, null)) + frame(choice({ tool_calls: [more] }, null));
      })
      .join('') +
    frame(choice({}, 'tool_calls')) +
    frame({ choices: [], usage }) +
    'data: [DONE]\n\n',
  end: (reason) => frame(choice({}, reason)) + frame({ choices: [], usage }) + 'data: [DONE]\n\n',
  errorInStream: () =>
    `data: ${JSON.stringify({ error: { message: 'Rate limit', type: 'tokens', param: null, code: 'rate_limit_exceeded' } })}\n\n`,
  errorBody: (_status, message) => ({
    error: { message, type: 'invalid_request_error', param: null, code: null },
  }),
};

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (content === null || content === undefined) return '';
  return (content as readonly { readonly text: string }[]).map((part) => part.text).join('');
}

/** Every call has to be answered before anything else is said. */
function checkCalls(messages: readonly Message[]): void {
  let open: string[] = [];
  for (const message of messages) {
    if (message.role === 'tool') {
      if (!open.includes(message.tool_call_id ?? '')) throw new Error('a tool message without a call');
      open = open.filter((id) => id !== message.tool_call_id);
    } else if (open.length > 0) throw new Error('tool_calls must be followed by tool messages');
    open = [...open, ...(message.tool_calls ?? []).map(({ id }) => id)];
  }
  if (open.length > 0) throw new Error('tool_calls must be followed by tool messages');
}
