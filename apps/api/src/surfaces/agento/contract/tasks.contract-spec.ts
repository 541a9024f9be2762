import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';

const iso = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);

let api: ApiFixture;
let org: ApiOrganisation;
let id: string;

const insertAgent = async (orgId: string): Promise<string> => {
  const agentId = newId();
  await api.db.database.query(
    `INSERT INTO agents (id, org_id, name, region, image, status) VALUES ($1, $2, 'A', 'eu', 'x', 'running')`,
    [agentId, orgId],
  );
  return agentId;
};

const call = (method: string, path: string, body?: unknown, headers = {}): Promise<ApiAnswer> =>
  api.request(method, `/v1/agents/${id}/tasks${path}`, {
    apiKey: org.apiKey,
    headers,
    ...(body === undefined ? {} : { body }),
  });

const made = async (body: object = { title: 'Water the plants' }): Promise<{ id: string }> => {
  const answer = await call('POST', '', body);
  expect([answer.status, answer.body]).toEqual([201, { data: expect.anything() }]);
  return (answer.body as { data: { id: string } }).data;
};

const refusal = (code: string, message: RegExp): object => ({
  error: { code, message: expect.stringMatching(message) },
});

beforeAll(async () => {
  api = await startApi();
  org = await api.organisation();
});
afterAll(() => api?.close());
beforeEach(async () => {
  id = await insertAgent(org.orgId);
});

describe('tasks of an agent', () => {
  it('are made, read and listed newest first', async () => {
    const first = await made({ title: ' One ', description: 'All of it', priority: 'high' });
    const second = await made();
    expect((await call('GET', `/${first.id}`)).body).toEqual({
      data: {
        id: first.id,
        agentId: id,
        title: 'One',
        description: 'All of it',
        priority: 'high',
        status: 'queued',
        result: null,
        error: null,
        createdBy: 'user',
        peerId: null,
        createdAt: iso,
        updatedAt: iso,
        startedAt: null,
        completedAt: null,
      },
    });
    expect((await call('GET', '')).body).toMatchObject({
      data: [{ id: second.id }, { id: first.id }],
      pagination: { total: 2, limit: 50, offset: 0 },
    });
    expect((await call('GET', '?limit=500&offset=1')).body).toMatchObject({
      data: [{ id: first.id }],
      pagination: { total: 2, limit: 100, offset: 1 },
    });
    expect((await call('GET', '?status=running')).body).toMatchObject({ data: [], pagination: { total: 0 } });
  });

  it('are made once for one Idempotency-Key', async () => {
    const again = { 'idempotency-key': newId() };
    const answers = [
      await call('POST', '', { title: 'Once' }, again),
      await call('POST', '', { title: 'Once' }, again),
    ];
    expect(answers[1]?.body).toEqual(answers[0]?.body);
    expect((await call('GET', '')).body).toMatchObject({ pagination: { total: 1 } });
  });

  it('are reworded, cancelled and given again', async () => {
    const task = await made();
    const change = async (body: object): Promise<unknown> => (await call('PATCH', `/${task.id}`, body)).body;
    expect(await change({ title: 'Water all plants', priority: 'low' })).toMatchObject({
      data: { title: 'Water all plants', priority: 'low', status: 'queued' },
    });
    expect(await change({ status: 'cancelled' })).toMatchObject({ data: { status: 'cancelled', completedAt: iso } });
    expect(await change({ status: 'queued' })).toMatchObject({ data: { status: 'queued', completedAt: null } });
    expect(await change({ status: 'completed' })).toMatchObject({ data: { status: 'completed' } });
    expect(await change({ status: 'running' })).toEqual(refusal('conflict', /completed cannot become running/));
  });

  it.each<[string, object, RegExp]>([
    ['no title', {}, /title/],
    ['a blank title', { title: '  ' }, /title/],
    ['a long title', { title: 'x'.repeat(201) }, /title/],
    ['a long description', { title: 'T', description: 'x'.repeat(16_001) }, /description/],
    ['NUL bytes', { title: 'T\0' }, /title.*NUL/],
    ['half a character', { title: 'T', description: '\ud800' }, /description.*NUL/],
    ['a priority there is not', { title: 'T', priority: 'urgent' }, /priority/],
  ])('are refused with %s', async (_case, body, message) => {
    const answer = await call('POST', '', body);
    expect([answer.status, answer.body]).toEqual([400, refusal('validation_error', message)]);
    expect((await call('GET', '')).body).toMatchObject({ pagination: { total: 0 } });
  });

  it('are not changed by a wrong request', async () => {
    const task = await made();
    const before = (await call('GET', `/${task.id}`)).body;
    for (const body of [{}, { status: 'leased' }, { status: 'nonsense' }, { title: '' }, { description: null }]) {
      expect([body, (await call('PATCH', `/${task.id}`, body)).status]).toEqual([body, 400]);
    }
    expect((await call('GET', '?status=nonsense')).status).toBe(400);
    expect((await call('GET', `/${task.id}`)).body).toEqual(before);
  });

  it('exist only under their own agent', async () => {
    const task = await made();
    id = await insertAgent(org.orgId);
    expect((await call('GET', `/${task.id}`)).body).toEqual(refusal('not_found', /Task/));
    expect((await call('PATCH', `/${task.id}`, { status: 'cancelled' })).status).toBe(404);
    expect((await call('GET', '/nonsense')).status).toBe(404);
    id = newId();
    expect((await call('GET', '')).body).toEqual(refusal('not_found', /Agent/));
    expect((await call('POST', '', { title: 'T' })).body).toEqual(refusal('not_found', /Agent/));
  });

  it('are bounded in number', async () => {
    await api.db.database.query(
      `INSERT INTO tasks (id, org_id, agent_id, created_by, title)
       SELECT gen_random_uuid(), $1, $2, 'user:x', 'T' FROM generate_series(1, 1000)`,
      [org.orgId, id],
    );
    expect((await call('POST', '', { title: 'One more' })).body).toEqual(refusal('conflict', /1000 open tasks/));
    await api.db.database.query(`UPDATE tasks SET status = 'completed' WHERE agent_id = $1`, [id]);
    expect((await call('POST', '', { title: 'One more' })).status).toBe(201);
  });
});
