import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type ApiAnswer, type ApiFixture, startApi } from '../../../testing/api-fixture.js';
import { ownerToken } from '../../../http/contract/walk-world.js';
import { iso } from './agento-client.js';

let api: ApiFixture;
let admin: string;
let owner: string;

beforeAll(async () => {
  api = await startApi();
  const [first, second] = [await api.organisation(), await api.organisation()];
  await api.db.database.query('UPDATE users SET is_platform_admin = true WHERE id = $1', [first.userId]);
  [admin, owner] = [await ownerToken(api, first), await ownerToken(api, second)];
  await api.db.database.query(
    `INSERT INTO hosts (id, region, runtime, capacity_agents, heartbeat_at, dead_since) VALUES
       ('host-1', 'eu', 'docker', 10, now(), NULL), ('host-2', '', 'process', 5, now() - interval '1 hour', now()),
       ('host-3', '', 'process', 5, now() - interval '1 minute', NULL)`,
  );
}, 60_000);
afterAll(() => api?.close());

const call = (method: string, path: string, token = admin): Promise<ApiAnswer> =>
  api.request(method, `/v1/hosts${path}`, { token });

it('lists hosts with their state, a page at a time', async () => {
  const { status, body } = await call('GET', '?limit=2');
  expect(status).toBe(200);
  const host1 = {
    id: 'host-1',
    region: 'eu',
    runtime: 'docker',
    state: 'alive',
    draining: false,
    capacity: 10,
    agents: 0,
    leaving: 0,
    incarnation: 1,
    heartbeatAt: iso,
    deadSince: null,
    createdAt: iso,
  };
  expect(body).toEqual({
    data: [host1, expect.objectContaining({ id: 'host-2', state: 'dead', deadSince: iso })],
    pagination: { total: 3, limit: 2, offset: 0 },
  });
  expect((await call('GET', '/host-3')).body).toMatchObject({ data: { state: 'silent' } });
});

it('drains and undrains, which the audit log tells', async () => {
  expect((await call('POST', '/host-1/drain')).body).toMatchObject({ data: { state: 'draining', draining: true } });
  expect((await call('POST', '/host-1/drain')).status).toBe(200);
  expect((await call('POST', '/host-1/undrain')).body).toMatchObject({ data: { state: 'alive', draining: false } });
  const rows = await api.db.database.query<{ action: string }>(
    `SELECT action FROM audit_events WHERE action LIKE 'host.%' ORDER BY id`,
  );
  expect(rows.map(({ action }) => action)).toEqual(['host.drain', 'host.drain', 'host.undrain']);
});

it('refuses wrong pages, unknown hosts and everybody but platform admins', async () => {
  expect((await call('GET', '?limit=0')).status).toBe(400);
  expect(await call('POST', '/host-9/drain')).toMatchObject({
    status: 404,
    body: { error: { code: 'not_found', message: 'Host not found' } },
  });
  for (const [method, path] of [
    ['GET', ''],
    ['GET', '/host-1'],
    ['POST', '/host-1/drain'],
  ] as const) {
    expect((await call(method, path, owner)).status).toBe(403);
  }
  expect((await call('GET', '/host-1')).body).toMatchObject({ data: { draining: false } });
});
