import { describe, expect, it } from '@jest/globals';
import { readModelCall } from './model-call.js';
import { estimatePromptTokens } from './prompt-estimate.js';

const read = (body: unknown, path = 'chat/completions') =>
  readModelCall('openai', path, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
const sent = (body: unknown, cap: number | undefined, path?: string): unknown =>
  JSON.parse(read(body, path).body(cap).toString());

describe('a model call', () => {
  it('lowers what was asked, never raises it', () => {
    expect(sent({ max_tokens: 5 }, 100)).toEqual({ max_tokens: 5 });
    expect(sent({ max_tokens: 500 }, 100)).toEqual({ max_tokens: 100 });
    expect(sent({ max_tokens: 500, max_completion_tokens: 7 }, 100)).toEqual({ max_completion_tokens: 7 });
    expect(sent({}, 100)).toEqual({ max_completion_tokens: 100 });
    expect(sent({ max_completion_tokens: 'many' }, 100)).toEqual({ max_completion_tokens: 100 });
  });

  it('is not fooled by a name that stands twice', () => {
    const text = '{"max_completion_tokens":900000,"max_completion_tokens":5}';
    expect(read(text).body(100).toString()).toBe('{"max_completion_tokens":5}');
  });

  it('needs room for thinking, and for every answer asked for', () => {
    const thinking = { max_tokens: 4000, thinking: { type: 'enabled', budget_tokens: 1024 } };
    expect(readModelCall('anthropic', 'messages', Buffer.from(JSON.stringify(thinking))).leastOutputTokens).toBe(1025);
    expect(read({ n: 4, max_tokens: 10 })).toMatchObject({ leastOutputTokens: 4, askedOutputTokens: 40 });
  });

  it('takes the model from where its provider names it', () => {
    expect(read({ model: 'gpt-5' }).model).toBe('gpt-5');
    expect(readModelCall('google', 'models/gemini-x:generateContent', Buffer.from('{"model":"y"}')).model).toBe(
      'gemini-x',
    );
    expect(readModelCall('demo', 'chat/completions', Buffer.from('{"model":"y"}')).model).toBe('demo');
    expect(read({ model: `a\u0000\ud800${'x'.repeat(500)}` }).model).toMatch(/^a .x+$/u);
    expect([read({}).model, read({ model: 7 }).model]).toEqual(['unknown', 'unknown']);
  });

  it('generates nothing when it embeds', () => {
    const call = read({ model: 'e', input: 'x', max_tokens: 5 }, 'embeddings');
    expect([call.askedOutputTokens, call.leastOutputTokens]).toEqual([0, 0]);
    expect(call.body(100).toString()).toBe('{"model":"e","input":"x","max_tokens":5}');
  });

  it.each(['{', '[]', '"x"', 'null'])('refuses %s', (body) => {
    expect(() => read(body)).toThrow('must be a JSON object');
  });
});

describe('the prompt estimate', () => {
  const estimate = (request: object): number =>
    estimatePromptTokens(request, Buffer.byteLength(JSON.stringify(request)));

  it('is long enough for prose, code and languages whose characters are tokens', () => {
    expect(estimate({ content: 'word '.repeat(1000) })).toBeGreaterThan(1000);
    expect(estimate({ content: '字'.repeat(1000) })).toBeGreaterThanOrEqual(1000);
    expect(estimate({ content: 'const total = items.length;\n'.repeat(100) })).toBeGreaterThan(700);
  });

  it('counts images and files by kind, not by the length of their text', () => {
    const data = 'A'.repeat(1_000_000);
    for (const image of [
      { image_url: { url: `data:image/png;base64,${data}` } },
      { source: { type: 'base64', media_type: 'image/png', data } },
      { inlineData: { mimeType: 'image/png', data } },
    ]) {
      expect(estimate({ parts: [image] })).toBeLessThan(2_200);
    }
    expect(estimate({ source: { media_type: 'application/pdf', data } })).toBeGreaterThan(50_000);
    expect(estimate({ text: data })).toBeGreaterThan(300_000);
  });
});
