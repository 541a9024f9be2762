import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { memberToken } from '../../../http/contract/walk-world.js';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';

const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);
const text = expect.any(String);
const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

const OWN_FIELDS = {
  name: 'Ada',
  persona: null,
  model: 'demo',
  status: 'stopped',
  openclaw_session_key: null,
  openclaw_agent_id: null,
  heartbeat_enabled: false,
  heartbeat_interval: '30m',
  heartbeat_checklist: [],
  last_heartbeat_at: null,
  next_heartbeat_at: null,
  configuration: { llmProvider: 'demo' },
  error_message: null,
  error_count: 0,
  created_at: iso,
  updated_at: iso,
  provisioned_at: null,
  paused_at: null,
  stopped_at: null,
};
const SHARED_FIELDS = {
  kind: 'runtime',
  lifecycle_status: 'stopped',
  presence_status: 'offline',
  board_id: null,
  gateway_id: null,
  heartbeat_config: { every: '30m', target: 'last', includeReasoning: false },
  identity_profile: {},
  identity_template: null,
  soul_template: null,
  is_board_lead: false,
  is_gateway_main: false,
  openclaw_session_id: null,
  last_seen_at: null,
};

/** Rows as each state of the contract has them. */
const STATES = {
  provisioning: `'provisioning', 'running', NULL`,
  running: `'running', 'running', NULL`,
  paused: `'stopped', 'stopped', now()`,
  stopped: `'stopped', 'stopped', NULL`,
  failed: `'error', 'running', NULL`,
} as const;
type State = keyof typeof STATES;

let api: ApiFixture;
let org: ApiOrganisation;
let agent: string;

beforeAll(async () => {
  api = await startApi();
  org = await api.organisation();
  agent = await insert('stopped');
}, 60_000);
afterAll(() => api?.close());

async function insert(state: State, { orgId, userId }: ApiOrganisation = org): Promise<string> {
  const id = newId();
  await api.db.database.query(
    `INSERT INTO agents (id, org_id, name, region, image, config, created_by, status, desired_state, paused_at)
     VALUES ($1, $2, 'Ada', 'eu', 'x', '{"llmProvider":"demo","model":"demo"}', $3, ${STATES[state]})`,
    [id, orgId, userId],
  );
  return id;
}

const call = (method: string, path: string, body?: unknown, headers = {}): Promise<ApiAnswer> =>
  api.request(method, `/api/v1/agents${path}`, {
    apiKey: org.apiKey,
    headers,
    ...(body === undefined ? {} : { body }),
  });
const get = async (id: string): Promise<Record<string, unknown>> =>
  (await call('GET', `/${id}`)).body as Record<string, unknown>;
const statusOf = async (id: string): Promise<unknown> => (await get(id)).status;
const refusal = ({ status, body }: ApiAnswer): unknown[] => [status, body];
const issue = (field: string, type: string, at: (string | number)[] = ['body']): unknown => ({
  detail: expect.arrayContaining([{ loc: [...at, field], msg: text, type }]),
  request_id: uuid,
});

describe('GET /agents', () => {
  it('lists the workspace, newest first, with the fields of both contracts', async () => {
    const fresh = await api.organisation();
    const ids = [await insert('stopped', fresh), await insert('running', fresh)];
    const { status, body } = await api.request('GET', '/api/v1/agents', { apiKey: fresh.apiKey });
    const { agents, items, ...numbers } = body as { agents: { id: string }[]; items: unknown };
    expect([status, numbers, items]).toEqual([200, { total: 2, limit: 50, offset: 0 }, agents]);
    expect(agents.map(({ id }) => id)).toEqual(ids.reverse());
    expect(agents[1]).toEqual({
      id: ids[1],
      user_id: fresh.userId,
      workspace_id: fresh.orgId,
      ...OWN_FIELDS,
      ...SHARED_FIELDS,
    });
  });

  it('is empty for a new workspace, and pages', async () => {
    const fresh = await api.organisation();
    const list = (query: string): Promise<ApiAnswer> =>
      api.request('GET', `/api/v1/agents${query}`, { apiKey: fresh.apiKey });
    expect((await list('')).body).toEqual({ agents: [], items: [], total: 0, limit: 50, offset: 0 });
    await Promise.all(Array.from({ length: 3 }, () => insert('stopped', fresh)));
    const page = (await list('?limit=2&offset=2')).body as { agents: unknown[] };
    expect([page.agents.length, page]).toEqual([1, expect.objectContaining({ total: 3, limit: 2, offset: 2 })]);
  });

  it('shows each agent under its status', async () => {
    const fresh = await api.organisation();
    for (const state of Object.keys(STATES) as State[]) {
      const id = await insert(state, fresh);
      const { body } = await api.request('GET', `/api/v1/agents?status=${state}`, { apiKey: fresh.apiKey });
      expect((body as { agents: unknown }).agents).toEqual([expect.objectContaining({ id, status: state })]);
    }
    for (const filter of ['board_id', 'gateway_id']) {
      const path = `/api/v1/agents?${filter}=${newId()}`;
      expect((await api.request('GET', path, { apiKey: fresh.apiKey })).body).toMatchObject({ agents: [], total: 0 });
    }
  });

  it.each([
    ['limit=0', 'limit', 'greater_than_equal'],
    ['limit=201', 'limit', 'less_than_equal'],
    ['limit=10000', 'limit', 'less_than_equal'],
    ['offset=-1', 'offset', 'greater_than_equal'],
    ['status=sleeping', 'status', 'literal_error'],
    ['board_id=x', 'board_id', 'uuid_parsing'],
  ])('refuses %s', async (query, field, type) => {
    expect(refusal(await call('GET', `?${query}`))).toEqual([422, issue(field, type, ['query'])]);
  });

  it("answers in one contract's form when it is asked to", async () => {
    const list = async (headers: object, query = ''): Promise<Record<string, unknown>> =>
      (await call('GET', `?status=stopped${query}`, undefined, headers)).body as Record<string, unknown>;
    expect(Object.keys(await list({ 'x-api-profile': 'agentclaw' })).sort()).toEqual(
      ['agents', 'limit', 'offset', 'total'].sort(),
    );
    const other = await list({}, '&profile=mission-control');
    expect([other.agents, other.items]).toEqual([
      undefined,
      expect.arrayContaining([expect.objectContaining({ status: 'offline', lifecycle_status: 'stopped' })]),
    ]);
    expect((await call('GET', '', undefined, { 'x-api-profile': 'x' })).status).toBe(422);
  });
});

describe('GET /agents/{id}', () => {
  it('answers every documented field', async () => {
    expect(await get(agent)).toEqual({
      id: agent,
      user_id: org.userId,
      workspace_id: org.orgId,
      ...OWN_FIELDS,
      ...SHARED_FIELDS,
    });
  });

  it('tells a missing agent from one of another workspace', async () => {
    const foreign = await insert('stopped', await api.organisation());
    for (const [id, status, detail] of [
      [newId(), 404, 'Agent not found'],
      ['nonsense', 404, 'Agent not found'],
      [foreign, 403, 'This agent belongs to another workspace'],
    ] as const) {
      for (const path of ['', '/settings', '/heartbeats']) {
        expect(refusal(await call('GET', `/${id}${path}`))).toEqual([status, { detail, request_id: uuid }]);
      }
    }
  });
});

describe('POST /agents', () => {
  it.each([
    ['no name', { model: 'demo' }, 'name', 'missing', undefined],
    ['a name of nothing but tags', { name: '<b></b>', model: 'demo' }, 'name', 'string_too_short', undefined],
    ['a long name', { name: 'x'.repeat(256), model: 'demo' }, 'name', 'string_too_long', undefined],
    ['neither model nor board', { name: 'x' }, 'model', 'missing', undefined],
    ['an empty model', { name: 'x', model: ' ' }, 'model', 'string_too_short', undefined],
    ['a long model', { name: 'x', model: 'x'.repeat(256) }, 'model', 'string_too_long', undefined],
    [
      'a long persona',
      { name: 'x', model: 'demo', persona: 'x'.repeat(5_001) },
      'persona',
      'string_too_long',
      undefined,
    ],
    ['a text as heartbeat', { name: 'x', model: 'demo', heartbeat: 'often' }, 'heartbeat', 'dict_type', undefined],
    [
      'a heartbeat every minute',
      { name: 'x', model: 'demo', heartbeat: { interval: '1m' } },
      'interval',
      'literal_error',
      ['body', 'heartbeat'],
    ],
    [
      'a long checklist',
      { name: 'x', model: 'demo', heartbeat: { checklist: Array(51).fill('x') } },
      'checklist',
      'too_long',
      ['body', 'heartbeat'],
    ],
    [
      'a configuration too deep',
      { name: 'x', model: 'demo', configuration: { a: { b: { c: { d: { e: 1 } } } } } },
      'configuration',
      'value_error',
      undefined,
    ],
    [
      'a configuration with eval',
      { name: 'x', model: 'demo', configuration: { eval: 1 } },
      'configuration',
      'value_error',
      undefined,
    ],
  ])('refuses %s', async (_what, body, field, type, at) => {
    const before = (await call('GET', '')).body as { total: number };
    expect(refusal(await call('POST', '', body))).toEqual([422, issue(field, type, at)]);
    expect(((await call('GET', '')).body as { total: number }).total).toBe(before.total);
  });

  it('refuses a configuration that would reach a prototype', async () => {
    const body = '{"name":"x","model":"demo","configuration":{"__proto__":{"x":1}}}';
    const answer = await call('POST', '', body, { 'content-type': 'application/json' });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
  });

  it('refuses another workspace, and finds no board', async () => {
    const body = { name: 'x', model: 'demo', workspace_id: (await api.organisation()).orgId };
    expect((await call('POST', '', body)).status).toBe(403);
    expect(refusal(await call('POST', '', { name: 'x', board_id: newId() }))).toEqual([
      404,
      { detail: 'Board not found', request_id: uuid },
    ]);
  });
});

describe('PUT /agents/{id} and PATCH /agents/{id}/settings', () => {
  it.each([
    ['PUT', ''],
    ['PATCH', '/settings'],
  ])('%s changes what it names and nothing else', async (method, path) => {
    const id = await insert('stopped');
    const { status, body } = await call(method, `/${id}${path}`, {
      name: '<i>Grace</i>',
      persona: 'A <b>careful</b> clerk: a < b & c',
      model: 'gpt-5-mini',
      heartbeat: { enabled: true, interval: '15m', checklist: ['Mail', '<p>Tasks</p>'] },
      configuration: { temperature: 0.5, note: { a: 1 } },
    });
    expect([status, body]).toEqual([
      200,
      {
        id,
        user_id: org.userId,
        workspace_id: org.orgId,
        ...OWN_FIELDS,
        name: 'Grace',
        persona: 'A careful clerk: a < b & c',
        model: 'gpt-5-mini',
        heartbeat_enabled: true,
        heartbeat_interval: '15m',
        heartbeat_checklist: ['Mail', 'Tasks'],
        next_heartbeat_at: iso,
        configuration: { temperature: 0.5, note: { a: 1 } },
      },
    ]);
    expect((await call('GET', `/${id}/settings`)).body).toEqual({
      agent_id: id,
      name: 'Grace',
      persona: 'A careful clerk: a < b & c',
      model: 'gpt-5-mini',
      heartbeat: { enabled: true, interval: '15m', checklist: ['Mail', 'Tasks'] },
      configuration: { temperature: 0.5, note: { a: 1 } },
      updated_at: iso,
    });
    const again = await call(method, `/${id}${path}`, { heartbeat: { enabled: false } });
    expect(again.body).toMatchObject({
      ...{ name: 'Grace', model: 'gpt-5-mini', heartbeat_checklist: ['Mail', 'Tasks'] },
      ...{ heartbeat_enabled: false, next_heartbeat_at: null },
    });
    expect((await call(method, `/${id}${path}`, { persona: null })).body).toMatchObject({ persona: null });
    expect((await call(method, `/${id}${path}`, {})).body).toMatchObject({ name: 'Grace' });
  });

  it.each([
    [{ name: '' }, 'name', 'string_too_short', undefined],
    [{ model: 7 }, 'model', 'string_type', undefined],
    [{ heartbeat: { interval: '3h' } }, 'interval', 'literal_error', ['body', 'heartbeat']],
    [{ heartbeat: { checklist: ['x'.repeat(501)] } }, 'checklist', 'string_too_long', ['body', 'heartbeat']],
    [{ configuration: { temperature: 9 } }, 'temperature', 'invalid', ['body', 'config']],
  ])('refuse %j and change nothing', async (body, field, type, at) => {
    const before = await get(agent);
    expect(refusal(await call('PUT', `/${agent}`, body))).toEqual([422, issue(field, type, at)]);
    expect(await get(agent)).toEqual(before);
  });

  it('are for the owner and for admins', async () => {
    const as = (role: 'MEMBER' | 'ADMIN' | 'VIEWER') => memberToken(api, org.orgId, role);
    const id = await insert('stopped');
    const put = async (token: string): Promise<number> =>
      (await api.request('PUT', `/api/v1/agents/${id}`, { token, body: { name: 'Other' } })).status;
    expect([await put(await as('VIEWER')), await put(await as('MEMBER'))]).toEqual([403, 403]);
    expect((await get(id)).name).toBe('Ada');
    expect(await put(await as('ADMIN'))).toBe(200);
    const member = await as('MEMBER');
    for (const [method, path] of [
      ...[
        ['DELETE', ''],
        ['POST', '/provision'],
        ['POST', '/pause'],
      ],
      ...[
        ['POST', '/resume'],
        ['POST', '/heartbeat'],
        ['PATCH', '/settings'],
      ],
    ] as const) {
      const { status } = await api.request(method!, `/api/v1/agents/${id}${path}`, { token: member, body: {} });
      expect([path, status]).toEqual([path, 403]);
    }
    expect((await api.request('GET', `/api/v1/agents/${id}`, { token: member })).status).toBe(200);
  });
});

describe('commands that do not fit the state', () => {
  const FITS: Readonly<Record<string, readonly State[]>> = {
    provision: ['provisioning', 'failed'],
    pause: ['running'],
    resume: ['paused'],
    heartbeat: ['running'],
    message: ['running'],
  };
  const wrong = Object.entries(FITS).flatMap(([command, fits]) =>
    (Object.keys(STATES) as State[]).filter((state) => !fits.includes(state)).map((state) => [command, state] as const),
  );

  it.each(wrong)('%s is refused when it is %s', async (command, state) => {
    const id = await insert(state);
    const { status, body } = await call('POST', `/${id}/${command}`, { message: 'Hi' });
    expect([status, body]).toEqual([409, { detail: text, request_id: uuid }]);
    expect(await statusOf(id)).toBe(state);
    expect((await call('GET', `/${id}/heartbeats`)).body).toMatchObject({ total: 0 });
  });

  it.each(['provision', 'pause', 'resume', 'heartbeat', 'message'])('%s finds no unknown agent', async (command) => {
    expect(refusal(await call('POST', `/${newId()}/${command}`, { message: 'Hi' }))).toEqual([
      404,
      { detail: 'Agent not found', request_id: uuid },
    ]);
  });

  it.each([{}, { message: '' }, { message: '<br>' }, { message: 7 }])('a message may not be %j', async (body) => {
    expect((await call('POST', `/${agent}/message`, body)).status).toBe(422);
  });
});
