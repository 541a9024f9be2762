import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { signAgentToken } from '#libs/crypto';
import { newId } from '#libs/kernel';
import { type TestOrganisation, eventually } from '#libs/testing';
import { type EdgeFixture, EPOCH, startEdge } from '../testing/edge-fixture.js';
import { ScriptedServer, type Script, says } from '../testing/scripted-server.js';

type Wire = 'openai' | 'anthropic' | 'google' | 'demo';
type Agent = TestOrganisation & { agentId: string };

const SILENCE_MS = 2_000;
const PRICES = {
  openai: { priced: { input: 1_000_000, cachedInput: 100_000, output: 2_000_000, maxOutputTokens: 5_000 } },
  anthropic: {
    priced: {
      input: 1_000_000,
      cachedInput: 100_000,
      cacheWrite: 1_250_000,
      output: 2_000_000,
      maxOutputTokens: 5_000,
    },
  },
  google: { priced: { input: 1_000_000, cachedInput: 100_000, output: 2_000_000, maxOutputTokens: 5_000 } },
};
const CHAT = { model: 'priced', messages: [{ role: 'user', content: 'Hello there' }] };
const GOOGLE_CHAT = { contents: [{ role: 'user', parts: [{ text: 'Hello there' }] }] };

const frames =
  (...events: readonly (string | object)[]): Script =>
  (_request, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of events) {
      const type = typeof event === 'object' && 'type' in event ? `event: ${String(event.type)}\n` : '';
      res.write(`${type}data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`);
    }
    res.end();
  };
const whole =
  (body: object, status = 200): Script =>
  (_request, res) =>
    void res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

const ANTHROPIC_USAGE = { input_tokens: 10, cache_read_input_tokens: 70, cache_creation_input_tokens: 20 };
const GOOGLE_USAGE = {
  promptTokenCount: 100,
  cachedContentTokenCount: 70,
  candidatesTokenCount: 5,
  thoughtsTokenCount: 2,
  totalTokenCount: 107,
};
const OPENAI_USAGE = { prompt_tokens: 100, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 70 } };
const RESPONSES_USAGE = { input_tokens: 100, output_tokens: 7, input_tokens_details: { cached_tokens: 70 } };

/** Every way a provider reports 100 prompt tokens, 70 of them cached, and 7 of the answer. */
const REPORTS: readonly [string, Wire, string, object, Script][] = [
  ['a chat', 'openai', 'chat/completions', CHAT, whole({ choices: [], usage: OPENAI_USAGE })],
  [
    'a streamed chat',
    'openai',
    'chat/completions',
    { ...CHAT, stream: true },
    frames({ choices: [{ delta: { content: 'Hi' } }], usage: null }, { choices: [], usage: OPENAI_USAGE }, '[DONE]'),
  ],
  [
    'a response',
    'openai',
    'responses',
    { model: 'priced', input: 'Hello' },
    whole({ output: [], usage: RESPONSES_USAGE }),
  ],
  [
    'a streamed response',
    'openai',
    'responses',
    { model: 'priced', input: 'Hello', stream: true },
    frames(
      { type: 'response.output_text.delta', delta: 'Hi' },
      { type: 'response.completed', response: { usage: RESPONSES_USAGE } },
    ),
  ],
  [
    'a message',
    'anthropic',
    'messages',
    { ...CHAT, max_tokens: 100 },
    whole({
      type: 'message',
      content: [{ type: 'text', text: 'Hi' }],
      usage: { ...ANTHROPIC_USAGE, output_tokens: 7 },
    }),
  ],
  [
    'a streamed message',
    'anthropic',
    'messages',
    { ...CHAT, max_tokens: 100, stream: true },
    frames(
      { type: 'message_start', message: { usage: { ...ANTHROPIC_USAGE, output_tokens: 1 } } },
      { type: 'content_block_delta', delta: { type: 'text_delta', text: 'Hi' } },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } },
      { type: 'message_stop' },
    ),
  ],
  [
    'generated content',
    'google',
    'models/priced:generateContent',
    GOOGLE_CHAT,
    whole({ candidates: [{ finishReason: 'STOP' }], usageMetadata: GOOGLE_USAGE }),
  ],
  [
    'streamed content',
    'google',
    'models/priced:streamGenerateContent?alt=sse',
    GOOGLE_CHAT,
    frames(
      { candidates: [{ content: { parts: [{ text: 'H' }] } }], usageMetadata: { promptTokenCount: 100 } },
      { candidates: [{ content: { parts: [{ text: 'i' }] }, finishReason: 'STOP' }], usageMetadata: GOOGLE_USAGE },
    ),
  ],
  [
    'content streamed as a list',
    'google',
    'models/priced:streamGenerateContent',
    GOOGLE_CHAT,
    (_request, res) =>
      void res
        .writeHead(200, { 'content-type': 'application/json' })
        .end(
          JSON.stringify([{ candidates: [] }, { candidates: [{ finishReason: 'STOP' }], usageMetadata: GOOGLE_USAGE }]),
        ),
  ],
];

describe('the metered broker', () => {
  const provider = new ScriptedServer();
  let edge: EdgeFixture;
  let agent: Agent;

  beforeAll(async () => {
    await provider.start();
    const at = (name: string) => ({ baseUrl: `${provider.url}/${name}/v1`, apiKey: `sk-platform-${name}` });
    edge = await startEdge({
      providers: {
        openai: at('openai'),
        anthropic: at('anthropic'),
        google: at('google'),
        silenceTimeoutMs: SILENCE_MS,
      },
      prices: JSON.stringify(PRICES),
      edge: { callsPerAgent: 200 },
    });
  });
  afterAll(async () => {
    await edge?.close();
    await provider.stop();
  });
  beforeEach(async () => {
    agent = await edge.agent('127.0.0.1:1');
  });
  afterEach(() => {
    provider.script = (_request, res) => void res.end('{}');
    provider.requests.length = 0;
  });

  const query = <Row>(sql: string, ...values: unknown[]): Promise<Row[]> => edge.db.database.query<Row>(sql, values);

  function call(wire: Wire, path: string, body: object | string, signal?: AbortSignal): Promise<Response> {
    const token = signAgentToken(edge.config.security.jwtSecret, {
      agentId: agent.agentId,
      orgId: agent.orgId,
      hostId: edge.config.host.id,
      epoch: EPOCH,
    });
    const headers = { authorization: `Bearer ${token}`, 'x-api-key': token, 'x-goog-api-key': token };
    return fetch(`${edge.agentUrl}/llm/${wire}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
  }

  const chat = (more: object = {}, signal?: AbortSignal) =>
    call('openai', 'chat/completions', { ...CHAT, ...more }, signal);

  async function budget(limits: Record<string, number>): Promise<void> {
    const names = Object.keys(limits);
    await query(
      `INSERT INTO budgets (id, org_id, scope_kind, scope_id, day, ${names.join(', ')})
       VALUES ($1, $2, 'organisation', $2, (now() AT TIME ZONE 'UTC')::date, ${names.map((_name, nr) => `$${nr + 3}`).join(', ')})`,
      newId(),
      agent.orgId,
      ...Object.values(limits),
    );
  }

  /** The usage once nothing is reserved any more. */
  async function settled(): Promise<Record<string, unknown>[]> {
    await eventually(
      async () => (await query('SELECT 1 FROM usage_reservations WHERE org_id = $1', agent.orgId)).length === 0,
    );
    return query(
      `SELECT provider, model, calls::int, estimated_calls::int, input_tokens::int, cached_input_tokens::int,
              output_tokens::int, cost_micro_usd::int FROM usage_daily WHERE org_id = $1`,
      agent.orgId,
    );
  }
  const counters = async (): Promise<unknown> =>
    (
      await query(
        'SELECT day_used_tokens::int AS used, day_held_tokens::int AS held FROM budgets WHERE org_id = $1',
        agent.orgId,
      )
    )[0];

  it.each(REPORTS)('counts what the provider reports of %s', async (_case, wire, path, body, script) => {
    provider.script = script;
    const answer = await call(wire, path, body);
    expect(answer.status).toBe(200);
    await answer.text();
    const cost = wire === 'anthropic' ? 10 + 7 + 25 + 14 : 30 + 7 + 14;
    expect(await settled()).toEqual([
      {
        provider: wire,
        model: 'priced',
        calls: 1,
        estimated_calls: 0,
        input_tokens: 100,
        cached_input_tokens: 70,
        output_tokens: 7,
        cost_micro_usd: cost,
      },
    ]);
  });

  it('asks for usage in the stream, and leaves everything else of a request as it came', async () => {
    provider.script = says('Hi');
    await (await chat({ stream: true, stream_options: { x: 1 }, custom: [1] })).text();
    expect(JSON.parse(provider.last.body)).toEqual({
      ...CHAT,
      stream: true,
      stream_options: { x: 1, include_usage: true },
      custom: [1],
    });
    await (await call('openai', 'chat/completions', ` ${JSON.stringify(CHAT)} `)).text();
    expect(provider.last.body).toBe(` ${JSON.stringify(CHAT)} `);
    expect(provider.last.headers['content-length']).toBe(String(provider.last.body.length));
  });

  it.each<[string, Wire, string, object, object]>([
    ['max_completion_tokens', 'openai', 'chat/completions', CHAT, { max_completion_tokens: 30 }],
    ['max_tokens', 'openai', 'chat/completions', { ...CHAT, max_tokens: 900 }, { max_tokens: 30 }],
    ['the share of each answer', 'openai', 'chat/completions', { ...CHAT, n: 3 }, { max_completion_tokens: 10 }],
    ['max_output_tokens', 'openai', 'responses', { ...CHAT, input: 'x' }, { max_output_tokens: 30 }],
    ['max_tokens', 'anthropic', 'messages', { ...CHAT, max_tokens: 900 }, { max_tokens: 30 }],
    [
      'maxOutputTokens',
      'google',
      'models/priced:generateContent',
      { ...GOOGLE_CHAT, generation_config: { temperature: 1, max_output_tokens: 900 } },
      { generationConfig: { temperature: 1, maxOutputTokens: 30 } },
    ],
    ['max_completion_tokens', 'demo', 'chat/completions', CHAT, {}],
  ])('writes what the budget affords as %s into a request to %s', async (_field, wire, path, body, expected) => {
    await budget({ month_limit_tokens: Math.ceil(JSON.stringify(body).length / 3) + 16 + 30 });
    const answer = await call(wire, path, body);
    expect(answer.status).toBe(200);
    await answer.text();
    if (wire === 'demo')
      expect((await settled())[0]).toMatchObject({ model: 'demo', cost_micro_usd: 0, estimated_calls: 0 });
    else expect(JSON.parse(provider.last.body)).toMatchObject(expected);
    expect(JSON.stringify(provider.requests)).not.toContain('900');
  });

  it.each<[Wire, string, object, object]>([
    [
      'openai',
      'chat/completions',
      CHAT,
      { error: { message: expect.any(String), type: 'insufficient_quota', param: null, code: 'budget_exceeded' } },
    ],
    [
      'anthropic',
      'messages',
      { ...CHAT, max_tokens: 9 },
      { type: 'error', error: { type: 'billing_error', message: expect.any(String) } },
    ],
    [
      'google',
      'models/priced:generateContent',
      GOOGLE_CHAT,
      { error: { code: 402, message: expect.any(String), status: 'RESOURCE_EXHAUSTED' } },
    ],
    ['demo', 'chat/completions', CHAT, { error: expect.objectContaining({ code: 'budget_exceeded' }) }],
  ])('refuses a call the budget cannot pay in the words of %s', async (wire, path, body, expected) => {
    await budget({ day_limit_tokens: 20 });
    const answer = await call(wire, path, body);
    const said = await answer.text();
    expect([answer.status, JSON.parse(said)]).toEqual([402, expected]);
    expect([answer.headers.get('x-should-retry'), answer.headers.get('x-rookery-error')]).toEqual([
      'false',
      'budget_exceeded',
    ]);
    expect(said).toMatch(
      /budget_exceeded: the daily budget of this organisation .*limit 20 tokens, used 0 tokens; it resets at 20/,
    );
    expect(provider.requests).toHaveLength(0);
    expect(await settled()).toEqual([]);
  });

  it('holds 100 calls at once to the limit, to the token', async () => {
    const input = Math.ceil(JSON.stringify({ ...CHAT, max_tokens: 40 }).length / 3) + 16;
    const limit = 30 * (input + 40) + input + 11;
    await budget({ day_limit_tokens: limit });
    const open: (() => void)[] = [];
    provider.script = async ({ body }, res) => {
      await new Promise<void>((resolve) => open.push(resolve));
      const { max_tokens: most } = JSON.parse(body) as { max_tokens: number };
      const usage = { prompt_tokens: input, completion_tokens: most };
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ choices: [], usage }));
    };
    const calls = Array.from({ length: 100 }, () => chat({ max_tokens: 40 }).then((answer) => answer.status));
    await eventually(async () => open.length === 31);
    expect(await counters()).toEqual({ used: 0, held: limit });
    for (const answer of open) answer();
    const statuses = await Promise.all(calls);
    expect(statuses.filter((status) => status === 200)).toHaveLength(31);
    expect(statuses.filter((status) => status === 402)).toHaveLength(69);
    expect(await settled()).toMatchObject([{ calls: 31, input_tokens: 31 * input, output_tokens: 30 * 40 + 11 }]);
    expect(await counters()).toEqual({ used: limit, held: 0 });
  });

  describe('settles as estimated, from the text it saw,', () => {
    const half = frames({ choices: [{ delta: { content: 'x'.repeat(40) } }] });

    it('an answer that was cut', async () => {
      provider.script = async (request, res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.write(`data: ${JSON.stringify({ choices: [{ delta: { content: 'x'.repeat(40) } }] })}\n\n`);
        await sleep(50);
        res.destroy();
        await request.left;
      };
      await expect(chat({ stream: true }).then((answer) => answer.text())).rejects.toThrow('terminated');
      expect(await settled()).toMatchObject([{ calls: 1, estimated_calls: 1, output_tokens: 10 }]);
    });

    it('an answer that ends without usage', async () => {
      provider.script = half;
      await (await chat({ stream: true })).text();
      expect(await settled()).toMatchObject([{ estimated_calls: 1, output_tokens: 10 }]);
    });

    it('an answer the agent left, before it began and in its middle', async () => {
      for (const begins of [false, true]) {
        provider.requests.length = 0;
        provider.script = (_request, res) => {
          if (!begins) return;
          res.writeHead(200, { 'content-type': 'text/event-stream' });
          res.write(`data: ${JSON.stringify({ choices: [{ delta: { content: 'x'.repeat(40) } }] })}\n\n`);
        };
        const leaving = new AbortController();
        const answer = chat({ stream: true }, leaving.signal);
        answer.catch(() => undefined);
        if (begins) await ((await answer).body as ReadableStream<Uint8Array>).getReader().read();
        while (provider.requests.length === 0) await sleep(5);
        leaving.abort();
        expect(await provider.last.left).toBe(true);
      }
      expect(await settled()).toMatchObject([{ calls: 2, estimated_calls: 2, output_tokens: 10 }]);
    });

    it.each<[Wire, string, object, RegExp]>([
      ['openai', 'chat/completions', { ...CHAT, stream: true }, /^data: \{"error":\{.*provider_timeout/m],
      [
        'anthropic',
        'messages',
        { ...CHAT, max_tokens: 9, stream: true },
        /^event: error\ndata: \{"type":"error".*timeout_error/m,
      ],
      ['google', 'models/priced:streamGenerateContent?alt=sse', GOOGLE_CHAT, /^data: \{"error":\{"code":504/m],
    ])('a provider (%s) that falls silent, with an error in the stream', async (wire, path, body, error) => {
      await budget({ day_limit_tokens: 10_000 });
      provider.script = (_request, res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.write(`data: {"text":"${'x'.repeat(40)}"}\n\n`);
      };
      const said = await (await call(wire, path, body)).text();
      expect(said).toMatch(error);
      expect(await provider.last.left).toBe(true);
      const [row] = await settled();
      expect(row).toMatchObject({ calls: 1, estimated_calls: 1 });
      expect(await counters()).toEqual({ used: Number(row?.input_tokens) + Number(row?.output_tokens), held: 0 });
    });

    it('a provider that hangs, with 504', async () => {
      provider.script = () => undefined;
      const answer = await chat();
      expect([answer.status, await answer.json(), answer.headers.get('x-rookery-error')]).toEqual([
        504,
        { error: expect.objectContaining({ code: 'provider_timeout', message: 'OpenAI sent nothing for 2 s' }) },
        'provider_timeout',
      ]);
      expect(await settled()).toMatchObject([{ calls: 1, estimated_calls: 1, output_tokens: 0 }]);
    });

    it('garbage', async () => {
      provider.script = (_request, res) => void res.writeHead(200).end('<html>'.padEnd(400, 'x'));
      await (await chat()).text();
      expect(await settled()).toMatchObject([{ calls: 1, estimated_calls: 1, output_tokens: 100 }]);
    });

    it('never more than was reserved', async () => {
      await budget({ day_limit_tokens: 100 });
      provider.script = (_request, res) => void res.writeHead(200).end('x'.repeat(100_000));
      await (await chat()).text();
      await settled();
      expect(await counters()).toEqual({ used: 100, held: 0 });
    });
  });

  it('counts nothing that the provider refused, never got or could not be asked for', async () => {
    await budget({ day_limit_tokens: 100_000 });
    provider.script = whole({ error: { message: 'The model does not exist' } }, 404);
    expect((await chat()).status).toBe(404);
    provider.script = frames({ error: { message: 'overloaded' } });
    expect((await chat({ stream: true })).status).toBe(200);
    provider.script = (_request, res) => void res.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    expect((await chat()).status).toBe(502);
    expect((await call('openai', 'chat/completions', '[]')).status).toBe(400);
    expect((await call('openai', 'responses', { input: 'x', background: true })).status).toBe(400);
    await provider.stop();
    expect((await chat()).status).toBe(502);
    await provider.start();
    expect(await settled()).toEqual([]);
    expect(await counters()).toEqual({ used: 0, held: 0 });
  });

  it('reserves nothing for an instance that may not act', async () => {
    await budget({ day_limit_tokens: 100_000 });
    await query('UPDATE agents SET instance_epoch = instance_epoch + 1 WHERE id = $1', agent.agentId);
    expect((await chat()).status).toBe(401);
    expect(await counters()).toEqual({ used: 0, held: 0 });
    expect(await settled()).toEqual([]);
  });

  it('notes how far a long answer is, for the case that the edge dies', async () => {
    let finish: () => void = () => undefined;
    provider.script = async (_request, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(`data: ${JSON.stringify({ choices: [{ delta: { content: 'x'.repeat(400) } }] })}\n\n`);
      await new Promise<void>((resolve) => {
        const beat = setInterval(() => res.write(': still here\n\n'), 100);
        finish = () => {
          clearInterval(beat);
          res.end();
          resolve();
        };
      });
    };
    const answer = await chat({ stream: true });
    await eventually(
      async () =>
        (await query('SELECT 1 FROM usage_reservations WHERE org_id = $1 AND counted_output_tokens = 100', agent.orgId))
          .length === 1,
    );
    finish();
    await answer.text();
    expect(await settled()).toMatchObject([{ estimated_calls: 1, output_tokens: 100 }]);
  });
});
