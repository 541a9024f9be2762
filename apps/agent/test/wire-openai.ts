import type { Wire } from './provider-server.js';

interface Body {
  readonly model: string;
  readonly stream: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly temperature?: number;
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
}

const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm' };
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
    const texts = body.messages.map(({ role, content }) => ({ role, text: textOf(content) }));
    return {
      key: (headers.authorization ?? '').replace(/^Bearer /, ''),
      model: body.model,
      system: texts.flatMap(({ role, text }) => (role === 'system' || role === 'developer' ? [text] : [])).join('\n'),
      messages: texts.flatMap(({ role, text }) => (role === 'user' || role === 'assistant' ? [{ role, text }] : [])),
      temperature: body.temperature,
      maxTokens: body.max_completion_tokens ?? body.max_tokens,
    };
  },
  begin: () => frame(choice({ role: 'assistant', content: '' }, null)),
  text: (text) => frame(choice({ content: text }, null)),
  end: (reason) =>
    frame(choice({}, reason)) +
    frame({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 } }) +
    'data: [DONE]\n\n',
  errorInStream: () =>
    `data: ${JSON.stringify({ error: { message: 'Rate limit', type: 'tokens', param: null, code: 'rate_limit_exceeded' } })}\n\n`,
  errorBody: (_status, message) => ({ error: { message, type: 'invalid_request_error', param: null, code: null } }),
};

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return (content as readonly { readonly text: string }[]).map((part) => part.text).join('');
}
