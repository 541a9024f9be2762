import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';

const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);
const text = expect.any(String);

let api: ApiFixture;
let org: ApiOrganisation;

beforeAll(async () => {
  api = await startApi();
  org = await api.organisation();
}, 60_000);
afterAll(() => api.close());

const call = (method: string, path = '', body?: unknown, apiKey = org.apiKey): Promise<ApiAnswer> =>
  api.request(method, `/api/v1/swarms${path}`, { apiKey, ...(body === undefined ? {} : { body }) });

async function insertAgent({ orgId }: ApiOrganisation = org): Promise<string> {
  const id = newId();
  await api.db.database.query(
    `INSERT INTO agents (id, org_id, name, region, image, status) VALUES ($1, $2, 'Ada', 'eu', 'x', 'stopped')`,
    [id, orgId],
  );
  return id;
}

async function make(more: object = {}): Promise<string> {
  const { body } = await call('POST', '', { name: 'Growth', strategy: 'parallel', ...more });
  return (body as { id: string }).id;
}

async function refused(answer: Promise<ApiAnswer>, status: number, detail: unknown = text): Promise<void> {
  const { status: given, body } = await answer;
  expect([given, body]).toEqual([status, { detail, request_id: uuid }]);
}
const issue = (field: string, type: string, place = 'body'): unknown =>
  expect.arrayContaining([{ loc: [place, field], msg: text, type }]);

describe('POST /swarms', () => {
  it('makes one with every documented field', async () => {
    const agents = [await insertAgent(), await insertAgent()];
    const answer = await call('POST', '', {
      name: '<b>Growth</b>',
      strategy: 'hierarchical',
      description: 'Grows',
      goal: 'More & better',
      agent_ids: agents,
      configuration: { max_rounds: 2, note: 'x' },
    });
    expect([answer.status, answer.body]).toEqual([
      201,
      {
        id: uuid,
        name: 'Growth',
        description: 'Grows',
        strategy: 'hierarchical',
        goal: 'More & better',
        status: 'idle',
        agent_ids: agents,
        agent_count: 2,
        user_id: org.userId,
        configuration: { max_rounds: 2, note: 'x' },
        error_message: null,
        created_at: iso,
        updated_at: iso,
        started_at: null,
        paused_at: null,
        stopped_at: null,
      },
    ]);
    const { id } = answer.body as { id: string };
    expect((await call('GET', `/${id}`)).body).toEqual(answer.body);
    const { body } = await api.request('GET', `/v1/swarms/${id}`, { apiKey: org.apiKey });
    expect(body).toMatchObject({ data: { id, name: 'Growth', slug: 'growth' } });
  });

  it.each([
    ['no name', { strategy: 'parallel' }, 'name', 'missing'],
    ['a name of nothing but tags', { name: '<p></p>', strategy: 'parallel' }, 'name', 'string_too_short'],
    ['a long name', { name: 'x'.repeat(256), strategy: 'parallel' }, 'name', 'string_too_long'],
    ['no strategy', { name: 'x' }, 'strategy', 'missing'],
    ['an unknown strategy', { name: 'x', strategy: 'anarchic' }, 'strategy', 'literal_error'],
    [
      'a long description',
      { name: 'x', strategy: 'custom', description: 'x'.repeat(2_001) },
      'description',
      'string_too_long',
    ],
    ['a long goal', { name: 'x', strategy: 'custom', goal: 'x'.repeat(1_001) }, 'goal', 'string_too_long'],
    ['wrong agent ids', { name: 'x', strategy: 'custom', agent_ids: ['a b'] }, 'agent_ids', 'string_pattern_mismatch'],
    ['101 agents', { name: 'x', strategy: 'custom', agent_ids: Array(101).fill('a') }, 'agent_ids', 'too_long'],
    [
      'a configuration too deep',
      { name: 'x', strategy: 'custom', configuration: { a: { b: { c: { d: { e: 1 } } } } } },
      'configuration',
      'value_error',
    ],
  ])('refuses %s', async (_what, body, field, type) => {
    await refused(call('POST', '', body), 422, issue(field, type));
  });

  it('takes names of 255 characters, and makes nothing when an agent is unknown', async () => {
    expect((await call('POST', '', { name: 'x'.repeat(255), strategy: 'custom' })).status).toBe(201);
    const stranger = await insertAgent(await api.organisation());
    const before = (await call('GET')).body as { total: number };
    for (const agent_id of [newId(), stranger, 'nonsense']) {
      await refused(call('POST', '', { name: 'x', strategy: 'custom', agent_ids: [agent_id] }), 404, 'Agent not found');
    }
    expect(((await call('GET')).body as { total: number }).total).toBe(before.total);
  });

  it('makes one for a request that is repeated', async () => {
    const headers = { 'idempotency-key': newId() };
    const body = { name: 'Once', strategy: 'custom' };
    const send = (): Promise<ApiAnswer> => api.request('POST', '/api/v1/swarms', { apiKey: org.apiKey, headers, body });
    expect((await send()).body).toEqual((await send()).body);
  });
});

describe('GET /swarms', () => {
  it('lists by status and page, newest first', async () => {
    const own = await api.organisation();
    const add = async (name: string): Promise<string> =>
      ((await call('POST', '', { name, strategy: 'custom' }, own.apiKey)).body as { id: string }).id;
    const [first, second] = [await add('first'), await add('second')];
    await call('POST', `/${first}/start`, undefined, own.apiKey);
    const list = async (query: string): Promise<unknown> => {
      const { swarms, ...numbers } = (await call('GET', query, undefined, own.apiKey)).body as {
        swarms: { id: string }[];
      };
      return { ids: swarms.map(({ id }) => id), ...numbers };
    };
    expect(await list('')).toEqual({ ids: [second, first], total: 2, limit: 50, offset: 0 });
    expect(await list('?limit=1&offset=1')).toEqual({ ids: [first], total: 2, limit: 1, offset: 1 });
    expect(await list('?status=running')).toEqual({ ids: [first], total: 1, limit: 50, offset: 0 });
    await refused(call('GET', '?limit=10000'), 422, issue('limit', 'less_than_equal', 'query'));
    await refused(call('GET', '?status=busy'), 422, issue('status', 'literal_error', 'query'));
  });
});

describe('PATCH and DELETE /swarms/:id', () => {
  it('change what is named, and nothing else', async () => {
    const id = await make({ goal: 'A', configuration: { a: 1 } });
    const { status, body } = await call('PATCH', `/${id}`, { strategy: 'democratic', description: 'New' });
    expect([status, body]).toMatchObject([
      200,
      { name: 'Growth', strategy: 'democratic', description: 'New', goal: 'A', configuration: { a: 1 } },
    ]);
    await refused(call('PATCH', `/${id}`, { strategy: 'x' }), 422, issue('strategy', 'literal_error'));
    await refused(call('PATCH', `/${id}`, { name: '' }), 422, issue('name', 'string_too_short'));
  });

  it('take a swarm away and leave its agents', async () => {
    const agent = await insertAgent();
    const id = await make({ agent_ids: [agent] });
    await call('POST', `/${id}/start`);
    expect(await call('DELETE', `/${id}`)).toMatchObject({ status: 204, body: undefined });
    await refused(call('GET', `/${id}`), 404, 'Swarm not found');
    const rows = await api.db.database.query('SELECT 1 FROM agents WHERE id = $1 AND swarm_id IS NULL', [agent]);
    expect(rows).toHaveLength(1);
  });

  it.each<[string, string, object | undefined]>([
    ['GET', '', undefined],
    ['PATCH', '', { name: 'x' }],
    ['DELETE', '', undefined],
    ['POST', '/agents', { agent_ids: ['a'] }],
    ['DELETE', '/agents?agent_ids=a', undefined],
    ['POST', '/start', undefined],
    ['POST', '/pause', undefined],
    ['POST', '/resume', undefined],
    ['GET', '/runs', undefined],
  ])('answer 404 for an unknown swarm: %s %s', async (method, path, body) => {
    await refused(call(method, `/${newId()}${path}`, body), 404, 'Swarm not found');
    await refused(call(method, `/nonsense${path}`, body), 404, 'Swarm not found');
  });
});

describe('/swarms/:id/agents', () => {
  it('come and go, doubles and strangers to it passed over', async () => {
    const [a, b] = [await insertAgent(), await insertAgent()];
    const id = await make();
    const added = await call('POST', `/${id}/agents`, { agent_ids: [a, b, a] });
    expect([added.status, added.body]).toMatchObject([200, { agent_ids: [a, b], agent_count: 2 }]);
    expect((await call('POST', `/${id}/agents`, { agent_ids: [a] })).body).toMatchObject({ agent_count: 2 });
    const removed = await call('DELETE', `/${id}/agents`, { agent_ids: [a, newId()] });
    expect([removed.status, removed.body]).toMatchObject([200, { agent_ids: [b] }]);
    expect((await call('DELETE', `/${id}/agents?agent_ids=${b}`)).body).toMatchObject({ agent_ids: [] });
  });

  it('are all or none', async () => {
    const [id, a] = [await make(), await insertAgent()];
    await refused(call('POST', `/${id}/agents`, { agent_ids: [a, newId()] }), 404, 'Agent not found');
    expect((await call('GET', `/${id}`)).body).toMatchObject({ agent_ids: [] });
    await refused(call('POST', `/${id}/agents`, { agent_ids: [] }), 422, issue('agent_ids', 'too_short'));
    await refused(call('DELETE', `/${id}/agents`), 422, issue('agent_ids', 'missing'));
  });
});

describe('start, pause and resume', () => {
  it('go from state to state, and from no other', async () => {
    const id = await make();
    await refused(call('POST', `/${id}/pause`), 409, 'Cannot pause a swarm that is idle');
    await refused(call('POST', `/${id}/resume`), 409, 'Cannot resume a swarm that is idle');
    const started = await call('POST', `/${id}/start`);
    expect([started.status, started.body]).toMatchObject([
      200,
      { status: 'running', started_at: iso, paused_at: null },
    ]);
    await refused(call('POST', `/${id}/start`), 409, 'Cannot start a swarm that is running');
    const paused = await call('POST', `/${id}/pause`);
    expect([paused.status, paused.body]).toMatchObject([200, { status: 'paused', paused_at: iso }]);
    await refused(call('POST', `/${id}/start`), 409);
    const resumed = await call('POST', `/${id}/resume`);
    expect([resumed.status, resumed.body]).toMatchObject([200, { status: 'running', paused_at: null }]);
    const { body } = await call('GET', `/${id}/runs`);
    expect(body).toEqual({
      runs: [
        {
          id: uuid,
          swarm_id: id,
          strategy: 'parallel',
          status: 'running',
          result: null,
          error_code: null,
          error_message: null,
          started_by: expect.stringMatching(/^key:/),
          started_at: iso,
          finished_at: null,
          step_count: 0,
          input_tokens: 0,
          output_tokens: 0,
          cost_micro_usd: 0,
        },
      ],
      total: 1,
      limit: 50,
      offset: 0,
    });
    await refused(call('GET', `/${id}/runs/${newId()}`), 404, 'Run not found');
  });

  it('start once, however many ask at once', async () => {
    const id = await make();
    const answers = await Promise.all(Array.from({ length: 6 }, () => call('POST', `/${id}/start`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409]);
  });
});
