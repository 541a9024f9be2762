import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '#libs/testing';
import { type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';
import { type Fleet, startFleet } from '../../../testing/fleet.js';

type Body = Record<string, unknown>;

/** What the model is asked, and what it answers; replaced by each test. */
let answer: (prompt: string) => string | Promise<string>;
let model: Server;
let api: ApiFixture;
let fleet: Fleet;
let org: ApiOrganisation;
let agents: string[];

/** A provider that speaks OpenAI's protocol. */
async function startModel(): Promise<string> {
  model = createServer((req, res) => {
    void (async () => {
      let body = '';
      for await (const piece of req) body += String(piece);
      const { messages } = JSON.parse(body) as { messages: { role: string; content: unknown }[] };
      const asked = messages.findLast(({ role }) => role === 'user')?.content;
      const text = await answer(typeof asked === 'string' ? asked : JSON.stringify(asked));
      const chunk = (delta: object, more: object = {}): string =>
        `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 0, model: 'gpt-5-mini', choices: [{ index: 0, delta, ...more }] })}\n\n`;
      const usage = { id: 'c', object: 'chat.completion.chunk', created: 0, model: 'gpt-5-mini', choices: [] };
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(chunk({ role: 'assistant', content: text }));
      res.write(chunk({}, { finish_reason: 'stop' }));
      res.end(
        `data: ${JSON.stringify({ ...usage, usage: { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 } })}\n\ndata: [DONE]\n\n`,
      );
    })();
  });
  model.listen(0, '127.0.0.1');
  await once(model, 'listening');
  return `http://127.0.0.1:${(model.address() as AddressInfo).port}/v1`;
}

beforeAll(async () => {
  const url = await startModel();
  api = await startApi();
  fleet = await startFleet(api, { OPENAI_BASE_URL: url });
  org = await api.organisation();
  agents = [];
  for (const name of ['Ada', 'Bob', 'Cleo']) agents.push(await newAgent(name));
}, 90_000);
afterAll(async () => {
  await fleet?.stop();
  await api?.close();
  model?.closeAllConnections();
  model?.close();
});
beforeEach(() => {
  answer = () => 'unexpected';
});

const call = async (method: string, path: string, body?: unknown): Promise<Body> => {
  const sent = await api.request(method, path, { apiKey: org.apiKey, ...(body === undefined ? {} : { body }) });
  if (sent.status >= 300) throw new Error(`${method} ${path}: ${sent.status} ${JSON.stringify(sent.body)}`);
  return sent.body as Body;
};

async function newAgent(name: string): Promise<string> {
  const config = { llmProvider: 'openai', model: 'gpt-5-mini' };
  const { data } = await call('POST', '/v1/agents', { name, secrets: { openaiApiKey: 'sk-local' }, config });
  return (data as { id: string }).id;
}

async function start(strategy: string, more: object = {}): Promise<string> {
  const body = { name: strategy, strategy, goal: 'Count the apples', agent_ids: agents, ...more };
  const { id } = await call('POST', '/api/v1/swarms', body);
  await call('POST', `/api/v1/swarms/${id as string}/start`);
  return id as string;
}

/** The swarm's newest run with its steps, once it is over. */
async function ended(id: string): Promise<Body> {
  await eventually(
    async () => {
      const { runs } = (await call('GET', `/api/v1/swarms/${id}/runs`)) as { runs: Body[] };
      return runs[0]?.status !== 'running';
    },
    { timeoutMs: 40_000, intervalMs: 100 },
  );
  const { runs } = (await call('GET', `/api/v1/swarms/${id}/runs`)) as { runs: { id: string }[] };
  return call('GET', `/api/v1/swarms/${id}/runs/${runs[0]?.id ?? ''}`);
}

describe('a swarm of real agents', () => {
  it('works in parallel, and its result and cost can be read', async () => {
    answer = () => 'four apples';
    const id = await start('parallel');
    const run = await ended(id);
    expect(run).toMatchObject({
      status: 'completed',
      result: '## Ada\n\nfour apples\n\n## Bob\n\nfour apples\n\n## Cleo\n\nfour apples',
      step_count: 3,
      input_tokens: 3_000,
      output_tokens: 300,
    });
    expect(run.cost_micro_usd).toBeGreaterThan(0);
    expect((run.steps as Body[]).map(({ agent_id, status, output }) => [agent_id, status, output])).toEqual(
      agents.map((agent) => [agent, 'completed', 'four apples']),
    );
    expect(await call('GET', `/api/v1/swarms/${id}`)).toMatchObject({ status: 'idle', error_message: null });
  }, 90_000);

  it('is led by one that plans and concludes', async () => {
    answer = (prompt) => {
      if (prompt.includes('You lead a team')) return '1: count the left tree\n2: count the right tree';
      if (prompt.includes('Your team has worked'))
        return `DONE: ${prompt.includes('left: 5') && prompt.includes('right: 7') ? 12 : 'wrong'}`;
      return prompt.includes('left tree') ? 'left: 5' : 'right: 7';
    };
    const run = await ended(await start('hierarchical'));
    expect(run).toMatchObject({ status: 'completed', result: '12', step_count: 4 });
  }, 90_000);

  it('votes', async () => {
    let proposals = 0;
    answer = (prompt) => (prompt.includes('Vote for the best') ? 'I choose 2.' : `idea ${(proposals += 1)}`);
    const run = await ended(await start('democratic'));
    const second = (run.steps as Body[]).find(({ kind, position }) => kind === 'proposal' && position === 1);
    expect(run).toMatchObject({ status: 'completed', result: second?.output, step_count: 6 });
  }, 90_000);

  it('finishes what is under way when it is paused, and goes on when it is resumed', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let asked = 0;
    answer = async () => {
      asked += 1;
      if (asked === 1) await held;
      return `result ${asked}`;
    };
    const id = await start('sequential');
    await eventually(() => asked === 1);
    await call('POST', `/api/v1/swarms/${id}/pause`);
    release();
    await eventually(async () => {
      const { runs } = (await call('GET', `/api/v1/swarms/${id}/runs`)) as { runs: { input_tokens: number }[] };
      return runs[0]?.input_tokens === 1_000;
    });
    expect(asked).toBe(1);
    expect(await call('GET', `/api/v1/swarms/${id}`)).toMatchObject({ status: 'paused' });
    await call('POST', `/api/v1/swarms/${id}/resume`);
    expect(await ended(id)).toMatchObject({ status: 'completed', result: 'result 3', step_count: 3 });
  }, 90_000);

  it('waits for a goal and begins with it', async () => {
    answer = () => 'done';
    const { id } = await call('POST', '/api/v1/swarms', { name: 'w', strategy: 'custom', agent_ids: [agents[0]] });
    await call('POST', `/api/v1/swarms/${id as string}/start`);
    await call('PATCH', `/api/v1/swarms/${id as string}`, { goal: 'At last' });
    expect(await ended(id as string)).toMatchObject({ status: 'completed', result: '## Ada\n\ndone' });
  }, 90_000);

  it('says why it failed, and can be started again', async () => {
    answer = () => 'ok';
    const id = await start('parallel', { configuration: { max_steps: 1 } });
    expect(await ended(id)).toMatchObject({ status: 'failed', error_code: 'step_limit' });
    expect(await call('GET', `/api/v1/swarms/${id}`)).toMatchObject({
      status: 'failed',
      error_message: expect.stringContaining('max_steps'),
    });
    await call('PATCH', `/api/v1/swarms/${id}`, { configuration: {} });
    await call('POST', `/api/v1/swarms/${id}/start`);
    expect(await ended(id)).toMatchObject({ status: 'completed' });
  }, 90_000);
});
