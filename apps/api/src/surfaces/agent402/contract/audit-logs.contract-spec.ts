import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditLog, done } from '#libs/audit';
import { SessionsService } from '#libs/identity';
import { type Role, newId } from '#libs/kernel';
import { eventually, testOrganisation } from '#libs/testing';
import {
  type ApiFixture,
  type ApiOrganisation,
  type ApiRequestOptions,
  startApi,
} from '../../../testing/api-fixture.js';

const PASSWORD = 'SecurePass123!';

interface Entry {
  readonly event_type: string;
  readonly peer_id: string;
  readonly action: string;
  readonly resource: string;
  readonly result: string;
  readonly reason: string | null;
  readonly metadata: Record<string, unknown>;
}
interface List {
  readonly events: Entry[];
  readonly total: number;
}

let api: ApiFixture;
beforeAll(async () => {
  api = await startApi();
  await api.db.database.query(`INSERT INTO hosts (id, runtime, capacity_agents) VALUES ('h', 'process', 100)`);
}, 60_000);
afterAll(() => api?.close());

const tokenOf = async ({ orgId, userId }: { orgId: string; userId: string }): Promise<string> => {
  const sessions = api.app.get(SessionsService, { strict: false });
  const holder = { orgId, userId, email: `${userId}@example.test` };
  return (await api.db.database.transaction((tx) => sessions.open(tx, holder))).accessToken;
};
const read = (token: string, query = '') => api.request('GET', `/api/v1/security/audit-logs${query}`, { token });
const eventsOf = async (token: string, query = ''): Promise<Entry[]> =>
  ((await read(token, query)).body as List).events;
/** What was done, newest last, without when. */
const actionsOf = async (token: string, query = ''): Promise<string[][]> =>
  (await eventsOf(token, query)).map(({ event_type, action, result }) => [event_type, action, result]).reverse();

describe('GET /security/audit-logs', () => {
  let organisation: ApiOrganisation;
  let token: string;
  const at = (minute: number): string => new Date(Date.UTC(2026, 0, 15, 10, minute)).toISOString();

  beforeAll(async () => {
    organisation = await api.organisation();
    token = await tokenOf(organisation);
    const log = api.app.get(AuditLog, { strict: false });
    for (let minute = 0; minute < 5; minute += 1) {
      const subject = minute % 2 ? `peer:${organisation.orgId}:12D3KooWPeer` : 'user:someone';
      await log.record(organisation, done({ subject }, 'agent.start', `agent:${minute}`, { minute }));
    }
    await api.db.database.transaction(async (tx) => {
      await tx.query(`SET LOCAL session_replication_role = 'replica'`);
      await tx.query(
        `UPDATE audit_events SET at = timestamptz '2026-01-15T10:00:00Z' + make_interval(mins => (metadata->>'minute')::int)
         WHERE org_id = $1 AND metadata ? 'minute'`,
        [organisation.orgId],
      );
    });
  });

  it('shows what was done, newest first, with every field of the document', async () => {
    const answer = await read(token, `?start_time=${at(0)}&end_time=${at(4)}`);
    expect(answer.status).toBe(200);
    const entry = (minute: number): object => ({
      timestamp: at(minute),
      event_type: 'AUTHORIZATION_SUCCESS',
      peer_id: minute % 2 ? '12D3KooWPeer' : 'user:someone',
      action: 'agent.start',
      resource: `agent:${minute}`,
      result: 'success',
      reason: null,
      metadata: { minute },
    });
    expect(answer.body).toEqual({ events: [4, 3, 2, 1, 0].map(entry), total: 5, limit: 100, offset: 0 });
  });

  it('filters by peer, type, result and time, both ends included, and pages', async () => {
    const minutes = async (query: string) => (await eventsOf(token, query)).map(({ metadata }) => metadata.minute);
    expect(await minutes('?peer_id=12D3KooWPeer')).toEqual([3, 1]);
    expect(await minutes('?peer_id=user:someone&limit=2')).toEqual([4, 2]);
    expect(await minutes(`?start_time=${at(1)}&end_time=${at(2)}`)).toEqual([2, 1]);
    expect(await minutes('?start_time=2026-01-15T10:03:00&end_time=2026-01-15T12:04:00%2B02:00')).toEqual([4, 3]);
    expect(await minutes(`?start_time=${at(4)}&end_time=${at(1)}`)).toEqual([]);
    expect(await minutes(`?end_time=${at(9)}&limit=2&offset=1`)).toEqual([3, 2]);
    expect(await minutes('?event_type=TOKEN_ISSUED&result=success')).toEqual([]);
    expect(await minutes('?result=denied')).toEqual([]);
    const paged = await read(token, `?end_time=${at(9)}&limit=1000&offset=5`);
    expect(paged.body).toEqual({ events: [], total: 5, limit: 1000, offset: 5 });
    expect(await minutes(`?peer_id=${encodeURIComponent(`' OR 1=1 --%`)}`)).toEqual([]);
  });

  it.each([
    ['limit=0', 'limit', 'greater_than_equal'],
    ['limit=1001', 'limit', 'less_than_equal'],
    ['limit=10000', 'limit', 'less_than_equal'],
    ['limit=x', 'limit', 'int_type'],
    ['offset=-1', 'offset', 'greater_than_equal'],
    ['event_type=LOGIN', 'event_type', 'literal_error'],
    ['result=maybe', 'result', 'literal_error'],
    ['start_time=yesterday', 'start_time', 'value_error'],
    ['end_time=2026-02-30', 'end_time', 'value_error'],
  ])('refuses %s', async (query, field, type) => {
    const { status, body } = await read(token, `?${query}`);
    const { detail } = body as { detail: { loc: string[]; type: string }[] };
    expect([status, detail.map(({ loc }) => loc)[0]]).toEqual([422, ['query', field]]);
    expect(detail.map((issue) => issue.type)).toContain(type);
  });

  it.each(['MEMBER', 'VIEWER'] as Role[])('is not for a %s', async (role) => {
    const member = await testOrganisation(api.db.database, { orgId: organisation.orgId, role });
    const answer = await read(await tokenOf(member));
    expect([answer.status, answer.body]).toEqual([
      403,
      { detail: 'This route needs the role ADMIN', request_id: expect.any(String) },
    ]);
  });

  it('is for an ADMIN, for no key, and shows nobody else’s', async () => {
    const admin = await testOrganisation(api.db.database, { orgId: organisation.orgId, role: 'ADMIN' });
    expect((await read(await tokenOf(admin))).status).toBe(200);
    const byKey = await api.request('GET', '/api/v1/security/audit-logs', { apiKey: organisation.apiKey });
    expect(byKey.status).toBe(403);
    const other = await tokenOf(await api.organisation());
    expect(await eventsOf(other, '?peer_id=user:someone')).toEqual([]);
    expect((await api.request('GET', '/api/v1/security/audit-logs')).status).toBe(401);
  });
});

describe('what is kept in it', () => {
  const call = (method: string, path: string, options: ApiRequestOptions) => api.request(method, path, options);
  const auth = (path: string, body: unknown, token?: string) =>
    call('POST', `/api/v1/auth/${path}`, { body, ...(token === undefined ? {} : { token }) });

  it('holds sign-ins, failures, refreshes, password changes and sign-outs', async () => {
    const email = `${newId()}@example.com`;
    const credentials = { email, password: PASSWORD };
    await auth('register', { ...credentials, name: 'Dev User' });
    await auth('login', { email, password: 'wrong' });
    const { body } = await auth('login', credentials);
    const first = body as { access_token: string; refresh_token: string; user_id: string };
    const renewed = await auth('refresh', { refresh_token: first.refresh_token });
    const { access_token: token } = renewed.body as { access_token: string };
    await auth('change-password', { current_password: 'wrong', new_password: 'OtherPass123!' }, token);
    await auth('change-password', { current_password: PASSWORD, new_password: 'OtherPass123!' }, token);
    await auth('logout', {}, token);
    const again = await auth('login', { email, password: 'OtherPass123!' });
    const { access_token: last } = again.body as { access_token: string };
    expect(await actionsOf(last)).toEqual([
      ['AUTHENTICATION_FAILURE', 'session.open', 'failure'],
      ['AUTHENTICATION_SUCCESS', 'session.open', 'success'],
      ['TOKEN_RENEWED', 'session.refresh', 'success'],
      ['AUTHENTICATION_FAILURE', 'password.change', 'failure'],
      ['AUTHORIZATION_SUCCESS', 'password.change', 'success'],
      ['TOKEN_REVOKED', 'session.close', 'success'],
      ['AUTHENTICATION_SUCCESS', 'session.open', 'success'],
    ]);
    const [failure] = await eventsOf(last, '?result=failure&offset=1');
    expect(failure).toMatchObject({
      peer_id: `user:${first.user_id}`,
      resource: `user:${first.user_id}`,
      reason: 'wrong_password',
      metadata: { address: '127.0.0.1' },
    });
  });

  it('keeps failures of unknown users and floods for the operators', async () => {
    const email = `${newId()}@example.com`;
    for (let round = 0; round < 8; round += 1) await auth('login', { email, password: 'wrong' });
    const rows = await api.db.database.query<{ reason: string }>(
      `SELECT reason FROM audit_events WHERE org_id = '00000000-0000-0000-0000-000000000000' AND resource = $1 ORDER BY id`,
      [`email:${email}`],
    );
    expect(rows.map(({ reason }) => reason)).toEqual([...Array<string>(5).fill('unknown_user'), 'too_many_failures']);
  });

  it('holds a reused refresh token', async () => {
    const organisation = await api.organisation();
    const sessions = api.app.get(SessionsService, { strict: false });
    const holder = { orgId: organisation.orgId, userId: organisation.userId, email: 'x@example.test' };
    const pair = await api.db.database.transaction((tx) => sessions.open(tx, holder));
    await sessions.refresh(pair.refreshToken);
    await api.db.database.query(
      `UPDATE refresh_tokens SET used_at = used_at - interval '1 minute' WHERE used_at IS NOT NULL`,
    );
    await expect(sessions.refresh(pair.refreshToken)).rejects.toThrow();
    const [revoked] = await eventsOf(await tokenOf(organisation), '?event_type=TOKEN_REVOKED');
    expect(revoked).toMatchObject({ action: 'session.close', reason: 'refresh_token_reused' });
  });

  it('holds keys made and revoked, and their use once an hour', async () => {
    const organisation = await api.organisation();
    const token = await tokenOf(organisation);
    const body = { name: 'ci', scopes: ['agents:read'] };
    const made = await call('POST', '/api/v1/auth/api-keys', { token, body });
    const { id, key } = made.body as { id: string; key: string };
    await call('GET', '/v1/agents', { apiKey: key });
    await call('GET', '/v1/agents', { apiKey: key });
    await eventually(async () => (await eventsOf(token, `?peer_id=key:${id}`)).length > 0);
    await call('DELETE', `/api/v1/auth/api-keys/${id}`, { token });
    const events = await eventsOf(token);
    expect(
      events
        .filter(({ resource }) => resource === `key:${id}`)
        .map(({ event_type, peer_id, action }) => [event_type, peer_id, action]),
    ).toEqual([
      ['TOKEN_REVOKED', `user:${organisation.userId}`, 'api_key.revoke'],
      ['AUTHENTICATION_SUCCESS', `key:${id}`, 'api_key.use'],
      ['TOKEN_ISSUED', `user:${organisation.userId}`, 'api_key.create'],
    ]);
    expect(JSON.stringify(events)).not.toContain(key);
  });

  it('holds a refusal once a minute for a caller and route', async () => {
    const organisation = await api.organisation();
    const viewer = await testOrganisation(api.db.database, { orgId: organisation.orgId, role: 'VIEWER' });
    const token = await tokenOf(viewer);
    for (let round = 0; round < 3; round += 1) await call('DELETE', `/v1/agents/${newId()}`, { token });
    await call('DELETE', `/v1/swarms/${newId()}`, { token });
    const owner = await tokenOf(organisation);
    const refusals = () => eventsOf(owner, '?event_type=AUTHORIZATION_FAILURE');
    await eventually(async () => (await refusals()).length === 2);
    expect((await refusals())[1]).toEqual({
      timestamp: expect.any(String),
      event_type: 'AUTHORIZATION_FAILURE',
      peer_id: `user:${viewer.userId}`,
      action: 'request',
      resource: 'route:DELETE /v1/agents/:id',
      result: 'denied',
      reason: 'This credential lacks the scope agents:write',
      metadata: {},
    });
  });

  it('holds what is done to agents, their secrets and budgets, and never a secret', async () => {
    const { apiKey, ...organisation } = await api.organisation();
    const body = { name: 'Ada', secrets: { openaiApiKey: 'sk-canary-0123456789' } };
    const made = await call('POST', '/v1/agents', { apiKey, body });
    const { id } = (made.body as { data: { id: string } }).data;
    await call('PATCH', `/v1/agents/${id}`, { apiKey, body: { name: 'Grace' } });
    await call('PUT', `/v1/agents/${id}/secrets`, {
      apiKey,
      body: { secrets: { anthropic_api_key: 'sk-ant-canary-012345' } },
    });
    await call('PUT', '/v1/budgets', { apiKey, body: { scope: 'agent', id, dailyLimitTokens: 5 } });
    const token = await tokenOf(organisation);
    const events = (await eventsOf(token, '?event_type=AUTHORIZATION_SUCCESS')).reverse();
    expect(events.map(({ action, resource, metadata }) => [action, resource, metadata])).toEqual([
      ['secret.write', `agent:${id}`, { names: 'openai_api_key' }],
      ['agent.create', `agent:${id}`, {}],
      ['agent.update', `agent:${id}`, { fields: 'name' }],
      ['secret.write', `agent:${id}`, { names: 'anthropic_api_key' }],
      ['budget.change', `agent:${id}`, expect.objectContaining({ dayLimitTokens: 5 })],
    ]);
    expect(JSON.stringify(events)).not.toContain('canary');
  });
});
