import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { handleDemoModel } from './demo-model.js';

let finished = 0;
const server = createServer((req, res) => {
  void handleDemoModel(req, res, { wordDelayMs: 0 }).then(() => {
    finished += 1;
  });
});
let url: string;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/llm/demo`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const ask = (content: string, extra: object = {}, signal?: AbortSignal): Promise<Response> =>
  fetch(`${url}/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content }], ...extra }),
    signal: signal ?? null,
  });

describe('the demo model over HTTP', () => {
  it('lists itself', async () => {
    expect(await (await fetch(`${url}/models`)).json()).toMatchObject({ object: 'list', data: [{ id: 'demo' }] });
  });

  it('answers whole, with usage', async () => {
    expect(await (await ask('[[echo one two]]')).json()).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant', content: 'one two' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 4, completion_tokens: 2, total_tokens: 6 },
    });
  });

  it('streams word by word, then the reason, the usage and [DONE]', async () => {
    const text = await (
      await ask('[[echo one two]]', { stream: true, stream_options: { include_usage: true } })
    ).text();
    const frames = text.trim().split('\n\n');
    expect(frames).toHaveLength(5);
    expect(frames[0]).toContain('"delta":{"role":"assistant","content":"one "}');
    expect(frames[1]).toContain('"delta":{"content":"two"}');
    expect(frames[2]).toContain('"finish_reason":"stop"');
    expect(frames[3]).toContain('"choices":[],"usage":{"prompt_tokens":4');
    expect(frames[4]).toBe('data: [DONE]');
  });

  it.each([true, false])('calls a tool it was told to, streamed: %s', async (stream) => {
    const tools = [{ type: 'function', function: { name: 'add', parameters: { type: 'object' } } }];
    const text = await (await ask('[[tool add {"a":1}]]', { stream, tools })).text();
    expect(text).toContain('"function":{"name":"add","arguments":"{\\"a\\":1}"}');
    expect(text).toContain('"finish_reason":"tool_calls"');
  });

  it('keeps usage to itself when it was not asked for', async () => {
    expect(await (await ask('hi', { stream: true })).text()).not.toContain('usage');
  });

  it('stops at the token limit', async () => {
    const body = await (await ask('[[slow 100x0ms]]', { max_tokens: 3 })).json();
    expect(body).toMatchObject({ choices: [{ finish_reason: 'length' }], usage: { completion_tokens: 3 } });
  });

  it('breaks the connection when told to cut', async () => {
    const response = await ask('[[cut 2]]', { stream: true });
    await expect(response.text()).rejects.toThrow();
  });

  it('fails with the status it was told', async () => {
    const response = await ask('[[fail 429]]');
    expect(response.status).toBe(429);
    expect(await response.json()).toMatchObject({ error: { code: 'demo_failure' } });
  });

  it.each(['[[hang]]', '[[slow 1000x100ms]]'])('ends its work on %s when the client leaves', async (command) => {
    const before = finished;
    const leaving = new AbortController();
    const asked = ask(command, { stream: true }, leaving.signal);
    await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 50))]);
    leaving.abort();
    await asked.catch(() => undefined);
    while (finished === before) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(finished).toBe(before + 1);
  });

  it.each([
    ['not json', 400],
    ['x'.repeat(5 * 1024 * 1024), 413],
  ])('refuses a bad body', async (body, status) => {
    const response = await fetch(`${url}/chat/completions`, { method: 'POST', body });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
  });

  it('knows no other path', async () => {
    expect((await fetch(`${url}/embeddings`, { method: 'POST' })).status).toBe(404);
  });
});
