import { describe, expect, it } from '@jest/globals';
import { DemoRequestError, parseRequest } from './wire.js';

describe('demo model requests', () => {
  it('reads text in both content forms', () => {
    const parts = [
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ];
    const request = parseRequest(
      JSON.stringify({
        model: 'demo',
        stream: true,
        stream_options: { include_usage: true },
        max_completion_tokens: 9,
        tools: [{ type: 'function', function: { name: 'weather', parameters: {} } }, 7],
        messages: [
          { role: 'developer', content: 'be kind' },
          { role: 'user', content: parts },
        ],
      }),
    );
    expect(request).toEqual({
      model: 'demo',
      stream: true,
      includeUsage: true,
      maxTokens: 9,
      tools: ['weather'],
      messages: [
        { role: 'system', text: 'be kind' },
        { role: 'user', text: 'ab' },
      ],
    });
  });

  it.each(['', '{', '[]', '{}', '{"messages":[]}', '{"messages":[1]}', '{"messages":[{"role":"king","content":""}]}'])(
    'refuses %s with 400',
    (body) => {
      expect(() => parseRequest(body)).toThrow(DemoRequestError);
    },
  );
});
