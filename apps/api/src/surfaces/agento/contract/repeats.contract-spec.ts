import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';
import { allEvents, textOf } from './events.js';
import { type Fleet, startFleet } from '../../../testing/fleet.js';

const AGENT = { name: 'Once', config: { llmProvider: 'demo' } };

let api: ApiFixture;
let fleet: Fleet;
let org: ApiOrganisation;
let key: string;

const post = (path: string, body: object): Promise<ApiAnswer> =>
  api.request('POST', path, { apiKey: org.apiKey, body, headers: { 'idempotency-key': key } });

const idOf = ({ body }: ApiAnswer): string => (body as { data: { id: string } }).data.id;

const count = async (table: string): Promise<number> => {
  const [row] = await api.db.database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM ${table} WHERE org_id = $1`,
    [org.orgId],
  );
  return row?.n ?? -1;
};

/** What a process leaves that is killed after the commit of its work and before the note of its answer. */
const dieBeforeTheNote = async (): Promise<void> => {
  const forgotten = await api.db.database.query(
    `UPDATE idempotency_keys SET status = 'pending', response_status = NULL, response_body = NULL, run_id = NULL,
            instance_id = $2
      WHERE key = $1 AND status = 'done' RETURNING 1`,
    [key, newId()],
  );
  expect(forgotten).toHaveLength(1);
};

beforeAll(async () => {
  api = await startApi();
  fleet = await startFleet(api);
}, 60_000);
afterAll(async () => {
  await fleet?.stop();
  await api?.close();
});
beforeEach(async () => {
  org = await api.organisation();
  key = newId();
});

describe('a request repeated after its process died between the commit and the note of its answer', () => {
  it('finds the agent it made', async () => {
    const first = await post('/v1/agents', AGENT);
    await dieBeforeTheNote();
    const second = await post('/v1/agents', AGENT);
    expect([first.status, second.status, idOf(second)]).toEqual([201, 201, idOf(first)]);
    expect(await count('agents')).toBe(1);
    const third = await post('/v1/agents', AGENT);
    expect([third.body, third.headers.get('idempotent-replayed')]).toEqual([second.body, 'true']);
  });

  it('makes the agent when there was no commit', async () => {
    await api.db.database.query(`UPDATE hosts SET draining = true`);
    expect((await post('/v1/agents', AGENT)).status).toBe(503);
    await api.db.database.query(`UPDATE hosts SET draining = false`);
    expect((await post('/v1/agents', AGENT)).status).toBe(201);
    expect(await count('agents')).toBe(1);
  });

  it('makes another agent for another key', async () => {
    const first = await post('/v1/agents', AGENT);
    await dieBeforeTheNote();
    key = newId();
    expect(idOf(await post('/v1/agents', AGENT))).not.toBe(idOf(first));
  });
});

describe('with an agent', () => {
  let chat: string;

  beforeEach(async () => {
    const created = await api.request('POST', '/v1/agents', { apiKey: org.apiKey, body: AGENT });
    chat = `/v1/agents/${idOf(created)}/chat`;
  });

  const say = (message: string): Promise<Response> =>
    api.open('POST', `${chat}/messages`, {
      apiKey: org.apiKey,
      body: { message, onDisconnect: 'continue' },
      headers: { 'idempotency-key': key },
    });

  const runIn = (response: Response): string | null => response.headers.get('x-run-id');

  it('a repeated message reads the reply of the first', async () => {
    const first = await say('[[echo Once only]]');
    const reply = textOf(await allEvents(first));
    await dieBeforeTheNote();
    const second = await say('[[echo Once only]]');
    expect([second.status, runIn(second)]).toEqual([200, runIn(first)]);
    expect(textOf(await allEvents(second))).toBe(reply);
    expect([await count('runs'), await count('messages')]).toEqual([1, 2]);
  });

  it('a message repeated during its reply joins it', async () => {
    const first = await say('[[slow 20x50]]');
    await dieBeforeTheNote();
    const second = await say('[[slow 20x50]]');
    const [one, two] = await Promise.all([allEvents(first), allEvents(second)]);
    expect([runIn(second), textOf(two)]).toEqual([runIn(first), textOf(one)]);
    expect([await count('runs'), await count('messages')]).toEqual([1, 2]);
  });

  it('a repeated message is answered also when the agent has been stopped meanwhile', async () => {
    const first = await say('[[echo Once only]]');
    await allEvents(first);
    await dieBeforeTheNote();
    await api.request('POST', chat.replace('/chat', '/stop'), { apiKey: org.apiKey });
    const second = await say('[[echo Once only]]');
    expect([second.status, runIn(second)]).toEqual([200, runIn(first)]);
    await second.body?.cancel();
  });

  it('a repeated new session is the first one', async () => {
    const first = await post(`${chat}/sessions`, { name: 'Fresh' });
    await dieBeforeTheNote();
    const second = await post(`${chat}/sessions`, { name: 'Fresh' });
    expect([first.status, second.status, second.body]).toEqual([201, 201, first.body]);
    expect(idOf(first)).toMatch(/^sess_[0-9a-f]{24}$/);
    expect(await count('chat_sessions')).toBe(1);
  });
});
