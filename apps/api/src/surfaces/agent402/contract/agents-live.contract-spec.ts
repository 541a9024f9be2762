import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { eventually } from '#libs/testing';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';
import { type Fleet, startFleet } from '../../../testing/fleet.js';

type Body = Record<string, unknown>;
const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);
const text = expect.any(String);
const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

let api: ApiFixture;
let fleet: Fleet;
let org: ApiOrganisation;

beforeAll(async () => {
  api = await startApi();
  fleet = await startFleet(api);
  org = await api.organisation();
}, 90_000);
afterAll(async () => {
  await fleet?.stop();
  await api?.close();
});

const call = (method: string, path: string, body?: unknown, headers = {}): Promise<ApiAnswer> =>
  api.request(method, `/api/v1${path}`, { apiKey: org.apiKey, headers, ...(body === undefined ? {} : { body }) });
const make = async (more: object = {}): Promise<Body> => {
  const answer = await call('POST', '/agents', { name: 'Ada', model: 'demo', ...more });
  expect(answer.status).toBe(201);
  return answer.body as Body;
};
const reached = (id: unknown, status: string): Promise<unknown> =>
  eventually(async () => ((await call('GET', `/agents/${id as string}`)).body as Body).status === status);

describe('an agent, from its making to its end', () => {
  it('is made once, provisioned at once, and speaks', async () => {
    const headers = { 'idempotency-key': newId() };
    const wish = {
      name: '<b>Ada</b>',
      model: 'demo',
      persona: 'A clerk',
      heartbeat: { enabled: true, interval: '1h', checklist: ['Mail'] },
      configuration: { team: 'office' },
      workspace_id: org.orgId,
    };
    const made = await call('POST', '/agents', wish, headers);
    expect([made.status, made.body]).toEqual([
      201,
      expect.objectContaining({
        id: uuid,
        name: 'Ada',
        persona: 'A clerk',
        model: 'demo',
        user_id: org.userId,
        workspace_id: org.orgId,
        openclaw_session_key: 'agent:ada:main',
        heartbeat_enabled: true,
        heartbeat_interval: '1h',
        heartbeat_checklist: ['Mail'],
        last_heartbeat_at: null,
        next_heartbeat_at: iso,
        configuration: { team: 'office' },
        error_message: null,
        error_count: 0,
        kind: 'runtime',
      }),
    ]);
    const { id } = made.body as { id: string };
    expect(((await call('POST', '/agents', wish, headers)).body as Body).id).toBe(id);
    await reached(id, 'running');
    expect((await call('GET', `/agents/${id}`)).body).toMatchObject({
      ...{ provisioned_at: iso, openclaw_agent_id: id, presence_status: 'online', last_seen_at: iso },
      ...{ paused_at: null, stopped_at: null },
    });

    const said = await call('POST', `/agents/${id}/message`, { message: '[[echo I am <b>here</b>.]]' });
    expect([said.status, said.body]).toEqual([
      200,
      { response: 'I am here.', agent_id: id, message_id: expect.stringMatching(/^\d+$/) },
    ]);
    const { conversations } = (await call('GET', `/conversations?agent_id=${id}`)).body as { conversations: Body[] };
    expect(conversations).toHaveLength(1);
    const { messages } = (await call('GET', `/conversations/${conversations[0]!.id as string}/messages`)).body as {
      messages: Body[];
    };
    expect(messages.map(({ role, content }) => [role, content])).toEqual([
      ['user', '[[echo I am here.]]'],
      ['assistant', 'I am here.'],
    ]);
    expect(messages[1]!.id).toBe((said.body as Body).message_id);
    const key = { 'idempotency-key': newId() };
    const twice = [1, 2].map(() => call('POST', `/agents/${id}/message`, { message: 'Once' }, key));
    const [one, two] = await Promise.all(twice);
    expect(one!.body).toEqual(two!.body);
  }, 60_000);

  it('goes through its checklist when it is asked, and remembers what came of it', async () => {
    const { id } = await make({ heartbeat: { enabled: true, interval: '5m', checklist: ['[[echo All quiet.]]'] } });
    await reached(id, 'running');
    const { status, body } = await call('POST', `/agents/${id as string}/heartbeat`);
    const outcome = {
      status: 'completed',
      agent_id: id,
      checklist_items: ['[[echo All quiet.]]'],
      started_at: iso,
      completed_at: iso,
      duration_seconds: expect.any(Number),
      error_message: null,
    };
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({
        ...outcome,
        id,
        message: 'The heartbeat was completed',
        lifecycle_status: 'running',
        last_heartbeat_at: iso,
        next_heartbeat_at: iso,
        execution: expect.objectContaining({ ...outcome, id: uuid, is_manual: true, response: text, due_at: iso }),
      }),
    ]);
    const { execution } = body as { execution: Body };
    const { executions, ...numbers } = (await call('GET', `/agents/${id as string}/heartbeats`)).body as Body;
    expect([executions, numbers]).toEqual([[execution], { total: 1, limit: 50, offset: 0 }]);
    const alone = await call('POST', `/agents/${id as string}/heartbeat`, {}, { 'x-api-profile': 'agentclaw' });
    expect(alone.body).toMatchObject({ ...outcome, id: uuid });
    expect((alone.body as Body).id).not.toBe(id);
    const { last_heartbeat_at: last, next_heartbeat_at: next } = (await call('GET', `/agents/${id as string}`))
      .body as Record<string, string>;
    expect(Date.parse(next!) - Date.parse(last!)).toBe(300_000);
  }, 60_000);

  it('is woken by the clock, but not while it is paused', async () => {
    const { id } = await make({ heartbeat: { enabled: true, interval: '5m' } });
    await reached(id, 'running');
    const due = () =>
      api.db.database.query(`UPDATE agent_heartbeats SET next_at = now() - interval '1 s' WHERE agent_id = $1`, [id]);
    const ended = async (): Promise<Body[]> =>
      ((await call('GET', `/agents/${id as string}/heartbeats`)).body as { executions: Body[] }).executions;
    await due();
    await eventually(async () => (await ended())[0]?.status === 'completed');
    const paused = await call('POST', `/agents/${id as string}/pause`);
    expect([paused.status, paused.body]).toEqual([
      200,
      expect.objectContaining({ id, name: 'Ada', status: 'paused', paused_at: iso, stopped_at: null, message: text }),
    ]);
    await due();
    const moved = async (): Promise<boolean> => {
      const [row] = await api.db.database.query<{ moved: boolean }>(
        'SELECT next_at > now() AS moved FROM agent_heartbeats WHERE agent_id = $1',
        [id],
      );
      return row?.moved === true;
    };
    await eventually(moved);
    expect(await ended()).toHaveLength(1);
    expect((await call('POST', `/agents/${id as string}/pause`)).status).toBe(409);
    const resumed = await call('POST', `/agents/${id as string}/resume`);
    expect([resumed.status, resumed.body]).toEqual([200, expect.objectContaining({ id, paused_at: null })]);
    await reached(id, 'running');
  }, 90_000);

  it('says why it failed, and is provisioned again once that is mended', async () => {
    const made = await make({ model: 'gpt-5-mini' });
    await reached(made.id, 'failed');
    expect((await call('GET', `/agents/${made.id as string}`)).body).toMatchObject({ error_message: text });
    await call('PUT', `/agents/${made.id as string}`, { model: 'demo' });
    const again = await call('POST', `/agents/${made.id as string}/provision`);
    expect([again.status, again.body]).toEqual([
      200,
      expect.objectContaining({ id: made.id, name: 'Ada', message: text, openclaw_session_key: text }),
    ]);
    await reached(made.id, 'running');
    expect((await call('POST', `/agents/${made.id as string}/provision`)).status).toBe(409);
  }, 60_000);

  it('is gone when it is deleted', async () => {
    const { id } = await make();
    await reached(id, 'running');
    const gone = await call('DELETE', `/agents/${id as string}`);
    expect([gone.status, gone.body]).toEqual([204, undefined]);
    for (const method of ['GET', 'DELETE']) expect((await call(method, `/agents/${id as string}`)).status).toBe(404);
  }, 60_000);
});
