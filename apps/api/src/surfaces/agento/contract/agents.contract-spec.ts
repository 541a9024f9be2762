import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { eventually } from '#libs/testing';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';
import { type Fleet, startFleet } from '../../../testing/fleet.js';

const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const iso = expect.stringMatching(ISO);
const uuid = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
const demo = { name: 'My Assistant', config: { llmProvider: 'demo' } };

let api: ApiFixture;
let fleet: Fleet;
let org: ApiOrganisation;

const call = (method: string, path: string, body?: unknown): Promise<ApiAnswer> =>
  api.request(method, `/v1${path}`, { apiKey: org.apiKey, ...(body === undefined ? {} : { body }) });

const data = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
  const answer = await call(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return (answer.body as { data: Record<string, unknown> }).data;
};

const create = async (fields: object = {}): Promise<string> =>
  String((await data('POST', '/agents', { ...demo, ...fields })).id);

beforeAll(async () => {
  api = await startApi();
  fleet = await startFleet(api);
  org = await api.organisation();
}, 60_000);
afterAll(async () => {
  await fleet?.stop();
  await api?.close();
});

describe('an agent from creation to deletion', () => {
  let id: string;

  it('is created and answers once it runs', async () => {
    const { status, body } = await call('POST', '/agents', { ...demo, region: 'us', workflowMd: '# W' });
    expect(status).toBe(201);
    expect(body).toEqual({
      data: { id: uuid, name: 'My Assistant', status: 'running', region: 'us', createdAt: iso, startedAt: iso },
    });
    id = (body as { data: { id: string } }).data.id;
  });

  it('is listed with exactly the documented fields', async () => {
    const { status, body } = await call('GET', '/agents');
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        data: [
          {
            id,
            name: 'My Assistant',
            status: 'running',
            region: 'us',
            image: expect.any(String),
            swarm: null,
            createdAt: iso,
            startedAt: iso,
            stoppedAt: null,
          },
        ],
        pagination: { total: 1, limit: 1, offset: 0 },
      },
    });
  });

  it('is shown with exactly the documented fields', async () => {
    expect(await data('GET', `/agents/${id}`)).toEqual({
      id,
      name: 'My Assistant',
      status: 'running',
      region: 'us',
      image: expect.any(String),
      avatarUrl: null,
      config: { llmProvider: 'demo' },
      workflowMd: '# W',
      swarm: null,
      createdAt: iso,
      startedAt: iso,
      stoppedAt: null,
      lastError: null,
      errorCategory: null,
      needsRestart: false,
    });
  });

  it('reports what it does right now', async () => {
    const status = await eventually(
      async () => {
        const seen = await data('GET', `/agents/${id}/status`);
        return seen.resources ? seen : undefined;
      },
      { timeoutMs: 25_000 },
    );
    expect(status).toEqual({
      status: 'running',
      containerStatus: 'running',
      live: true,
      resources: {
        memoryUsage: expect.stringMatching(/^\d+MiB \/ \d+MiB$/),
        cpuPercent: expect.stringMatching(/^\d+\.\d{2}%$/),
      },
      source: 'redis',
    });
  });

  it('explains itself', async () => {
    const why = await data('GET', `/agents/${id}/why`);
    expect(why).toMatchObject({
      id,
      status: 'running',
      desired: { state: 'running' },
      observed: { status: 'running' },
      host: { alive: true, heartbeatAt: iso },
      lastError: null,
      advice: null,
      command: null,
      refusedHosts: [],
      switchedSkills: [],
    });
    const transitions = why.transitions as { to: string; at: string; cause: string }[];
    expect(transitions[0]).toMatchObject({ to: 'running', at: iso });
    expect(transitions.every(({ cause }) => cause !== '')).toBe(true);
  });

  it('changes its name without a restart', async () => {
    expect(await data('PATCH', `/agents/${id}`, { name: 'Renamed', avatarUrl: 'https://example.org/a.png' })).toEqual({
      id,
      name: 'Renamed',
      status: 'running',
      needsRestart: false,
    });
    expect(await data('GET', `/agents/${id}`)).toMatchObject({ avatarUrl: 'https://example.org/a.png' });
    await data('PATCH', `/agents/${id}`, { avatarUrl: null });
    expect(await data('GET', `/agents/${id}`)).toMatchObject({ name: 'Renamed', avatarUrl: null });
  });

  it('may reach other hosts without a restart', async () => {
    const egress = { allowHosts: ['api.example.com', '*.example.org:8443'] };
    expect(await data('PATCH', `/agents/${id}`, { config: { egress } })).toMatchObject({ needsRestart: false });
    expect(await data('GET', `/agents/${id}`)).toMatchObject({ config: { egress } });
    const wrong = await call('PATCH', `/agents/${id}`, { config: { egress: { allowHosts: ['*'] } } });
    expect(wrong).toMatchObject({ status: 400 });
    expect(JSON.stringify(wrong.body)).toContain('allowHosts[0]');
    await data('PATCH', `/agents/${id}`, { config: { egress: null } });
  });

  it('merges its config, is flagged, and cleared by a restart', async () => {
    const flagged = await data('PATCH', `/agents/${id}`, { config: { temperature: 0.5, tone: 'warm' } });
    expect(flagged).toMatchObject({ status: 'running', needsRestart: true });
    await data('PATCH', `/agents/${id}`, { config: { tone: null } });
    const before = await data('GET', `/agents/${id}`);
    expect(before).toMatchObject({ config: { llmProvider: 'demo', temperature: 0.5 }, needsRestart: true });
    expect(Object.keys(before.config as object)).not.toContain('tone');

    const restarted = await call('POST', `/agents/${id}/restart`);
    expect(restarted).toMatchObject({ status: 200, body: { data: { id, status: 'running', startedAt: iso } } });
    const after = await data('GET', `/agents/${id}`);
    expect(after.needsRestart).toBe(false);
    expect(Date.parse(String(after.startedAt))).toBeGreaterThan(Date.parse(String(before.startedAt)));
  });

  it('counts as running in the account', async () => {
    const account = await data('GET', '/account');
    expect(account).toEqual({
      id: expect.stringMatching(/^acct_[0-9a-f]{32}$/),
      name: 'Test organisation',
      plan: {
        id: expect.stringMatching(/^plan_\w+$/),
        name: expect.any(String),
        status: 'active',
        limits: { maxAgents: expect.any(Number), maxSkillsPerAgent: expect.any(Number) },
        features: expect.objectContaining({ api_access: true }),
      },
      usage: { agents: 1, runningAgents: 1 },
    });
  });

  it('stops, says since when, and stays so', async () => {
    const first = await call('POST', `/agents/${id}/stop`);
    expect(first).toMatchObject({ status: 200, body: { data: { id, status: 'stopped', stoppedAt: iso } } });
    expect(Object.keys((first.body as { data: object }).data)).toEqual(['id', 'status', 'stoppedAt']);
    const second = await call('POST', `/agents/${id}/stop`);
    expect(second.body).toEqual(first.body);
    expect(await data('GET', '/account')).toMatchObject({ usage: { agents: 1, runningAgents: 0 } });
    expect(await data('GET', `/agents/${id}/status`)).toMatchObject({
      status: 'stopped',
      live: false,
      resources: null,
    });
  });

  it('is not flagged for a change while it is stopped', async () => {
    expect(await data('PATCH', `/agents/${id}`, { config: { maxTokens: 100 } })).toMatchObject({
      status: 'stopped',
      needsRestart: false,
    });
  });

  it('runs again when it is restarted although it was stopped', async () => {
    const restarted = await call('POST', `/agents/${id}/restart`);
    expect(restarted).toMatchObject({ status: 200, body: { data: { id, status: 'running', startedAt: iso } } });
    expect(Object.keys((restarted.body as { data: object }).data)).toEqual(['id', 'status', 'startedAt']);
    expect(await data('GET', `/agents/${id}`)).toMatchObject({ config: { maxTokens: 100 }, needsRestart: false });
    await data('POST', `/agents/${id}/stop`);
  });

  it('starts, and starting again changes nothing', async () => {
    const headers = { 'content-type': 'application/json' };
    const first = await api.request('POST', `/v1/agents/${id}/start`, { apiKey: org.apiKey, headers });
    expect(first).toMatchObject({ status: 200, body: { data: { id, status: 'running', startedAt: iso } } });
    expect((await call('POST', `/agents/${id}/start`)).body).toEqual(first.body);
    expect((await data('GET', `/agents/${id}`)).needsRestart).toBe(false);
  });

  it('is deleted for good', async () => {
    const gone = await call('DELETE', `/agents/${id}`);
    expect(gone).toMatchObject({ status: 200, body: { data: { id, deleted: true } } });
    expect((await call('GET', '/agents')).body).toEqual({ data: [], pagination: { total: 0, limit: 0, offset: 0 } });
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/start'],
      ['GET', '/status'],
      ['GET', '/logs'],
      ['GET', '/chat/sessions'],
    ] as const) {
      expect([path, (await call(method, `/agents/${id}${path}`)).status]).toEqual([path, 404]);
    }
  });
});

describe('secrets', () => {
  it('are taken and never shown', async () => {
    const canary = 'sk-canary-0123456789';
    const id = await create({ config: {}, secrets: { openaiApiKey: canary } });
    const seen = await Promise.all(
      ['', '/status', '/why', '/logs'].map(async (path) =>
        JSON.stringify((await call('GET', `/agents/${id}${path}`)).body),
      ),
    );
    expect(seen.join()).not.toContain(canary);
    const rows = await api.db.database.query<{ name: string; ciphertext: Buffer }>(
      'SELECT name, ciphertext FROM secrets WHERE owner_id = $1',
      [id],
    );
    expect(rows.map(({ name }) => name)).toEqual(['openai_api_key']);
    expect(rows[0]?.ciphertext.includes(canary)).toBe(false);
    await data('DELETE', `/agents/${id}`);
    expect(await api.db.database.query('SELECT 1 FROM secrets WHERE owner_id = $1', [id])).toEqual([]);
  });
});

describe('a list of agents', () => {
  let other: ApiOrganisation;
  const ids: string[] = [];
  const swarmId = newId();

  beforeAll(async () => {
    other = await api.organisation();
    await api.db.database.query(`INSERT INTO swarms (id, org_id, name, slug) VALUES ($1, $2, 'Growth', 'growth')`, [
      swarmId,
      other.orgId,
    ]);
    for (let n = 0; n < 5; n += 1) {
      const id = newId();
      ids.unshift(id);
      await api.db.database.query(
        `INSERT INTO agents (id, org_id, swarm_id, name, region, image, status, desired_state, created_at)
         VALUES ($1, $2, $3, $4, 'eu', 'x', 'stopped', 'stopped', now() + $5 * interval '1 second')`,
        [id, other.orgId, n < 2 ? swarmId : null, `agent ${n}`, n],
      );
    }
  });

  const list = async (query: string): Promise<{ ids: unknown[]; pagination: unknown }> => {
    const { body } = await api.request('GET', `/v1/agents${query}`, { apiKey: other.apiKey });
    const { data: rows, pagination } = body as { data: { id: string }[]; pagination: unknown };
    return { ids: rows.map((row) => row.id), pagination };
  };

  it('is whole and newest first', async () => {
    expect(await list('')).toEqual({ ids, pagination: { total: 5, limit: 5, offset: 0 } });
  });

  it('has windows', async () => {
    expect(await list('?limit=2&offset=1')).toEqual({
      ids: ids.slice(1, 3),
      pagination: { total: 5, limit: 2, offset: 1 },
    });
    expect(await list('?limit=2&offset=9')).toEqual({ ids: [], pagination: { total: 5, limit: 2, offset: 9 } });
  });

  it('can be filtered by status and swarm', async () => {
    expect((await list(`?swarmId=${swarmId}`)).ids).toEqual(ids.slice(3));
    expect((await list('?status=running')).ids).toEqual([]);
    expect((await list('?status=stopped&limit=1')).pagination).toEqual({ total: 5, limit: 1, offset: 0 });
  });

  it('shows the swarm', async () => {
    const { body } = await api.request('GET', `/v1/agents/${ids[4]}`, { apiKey: other.apiKey });
    expect(body).toMatchObject({ data: { swarm: { id: swarmId, name: 'Growth', slug: 'growth' } } });
  });

  it('lets an agent leave and join a swarm', async () => {
    const patch = async (body: object): Promise<unknown> =>
      (await api.request('PATCH', `/v1/agents/${ids[4]}`, { apiKey: other.apiKey, body })).status;
    expect(await patch({ swarmId: null })).toBe(200);
    expect((await list(`?swarmId=${swarmId}`)).ids).toEqual([ids[3]]);
    expect(await patch({ swarmId })).toBe(200);
    expect((await list(`?swarmId=${swarmId}`)).ids).toEqual(ids.slice(3));
  });
});

describe('Idempotency-Key', () => {
  it('makes one agent of two equal requests and refuses another body', async () => {
    const headers = { 'idempotency-key': `create-${newId()}` };
    const send = (body: object): Promise<ApiAnswer> =>
      api.request('POST', '/v1/agents', { apiKey: org.apiKey, headers, body });
    const [first, second] = await Promise.all([send(demo), send(demo)]);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    const other = await send({ ...demo, name: 'Another' });
    expect(other).toMatchObject({ status: 422, body: { error: { code: 'idempotency_key_reused' } } });
    const { body } = await call('GET', '/agents');
    expect(body).toMatchObject({ pagination: { total: 1 } });
  });
});
