import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { AlertDeliveries, AlertWatcher, signatureOf } from '#libs/monitoring';
import { memberToken, ownerToken } from '../../../http/contract/walk-world.js';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';

type Body = Record<string, unknown>;
interface Posted {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const THRESHOLDS = {
  buffer_utilization: 80,
  crash_count: 3,
  revocation_rate: 50,
  ip_pool_utilization: 90,
  webhook_url: null,
};
const SUBSYSTEMS = [
  ...['lease_expiration', 'result_buffer', 'partition_detection', 'node_crash_detection', 'lease_revocation'],
  ...['duplicate_prevention', 'ip_pool', 'message_verification'],
];

let api: ApiFixture;
let org: ApiOrganisation;
let token: string;
let agent: string;
let receiver: Server;
let receiverUrl: string;
let answerWith = 204;
const posted: Posted[] = [];

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    let body = '';
    for await (const bytes of request) body += String(bytes);
    posted.push({ headers: request.headers, body });
    response.writeHead(answerWith).end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => receiver.once('listening', resolve));
  receiverUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/alerts`;
  api = await startApi({ security: { egressAllowCidrs: ['127.0.0.0/8'] } });
  await query(`INSERT INTO hosts (id, runtime, capacity_agents) VALUES ('near', 'process', 1000)`);
}, 60_000);
afterAll(async () => {
  await api?.close();
  receiver.closeAllConnections();
  receiver.close();
});
beforeEach(async () => {
  posted.length = 0;
  answerWith = 204;
  org = await api.organisation();
  token = await ownerToken(api, org);
  agent = newId();
  await query(
    `INSERT INTO agents (id, org_id, name, region, image, status, desired_state, host_id)
     VALUES ($1, $2, 'Ada', 'eu', 'x', 'running', 'running', 'near')`,
    [agent, org.orgId],
  );
});

const query = (sql: string, values: readonly unknown[] = []) => api.db.database.query<Body>(sql, values);
const call = (method: string, path: string, body?: unknown, as = token): Promise<ApiAnswer> =>
  api.request(method, `/api/v1/swarm${path}`, { token: as, ...(body === undefined ? {} : { body }) });
const health = async (): Promise<Body> => (await call('GET', '/health')).body as Body;
const crash = async (seq: number, cause = 'the process exited with code 1'): Promise<void> => {
  await query(
    `INSERT INTO events (thing_kind, thing_id, seq, org_id, type, data) VALUES ('agent', $1, $2, $3, 'agent.status', $4)`,
    [agent, seq, org.orgId, { from: 'running', to: 'restarting', cause }],
  );
};
const look = async (): Promise<void> => {
  await query(`UPDATE alert_settings SET looked_at = '-infinity' WHERE org_id = $1`, [org.orgId]);
  await api.app.get(AlertWatcher, { strict: false }).watch(new AbortController().signal);
};
const deliver = (): Promise<number> =>
  api.app.get(AlertDeliveries, { strict: false }).sendDue(new AbortController().signal);
const alerts = async (): Promise<Body[]> => ((await call('GET', '/alerts')).body as { alerts: Body[] }).alerts;

describe('GET /swarm/health and /swarm/monitoring/status', () => {
  it('answer every documented field', async () => {
    const body = await health();
    expect(body).toMatchObject({ status: 'healthy', timestamp: iso, subsystems_available: 8, subsystems_total: 8 });
    for (const name of SUBSYSTEMS)
      expect([name, body[name]]).toEqual([name, expect.objectContaining({ available: true })]);
    expect((await call('GET', '/monitoring/status')).body).toEqual({
      status: 'operational',
      timestamp: iso,
      subsystems: Object.fromEntries(SUBSYSTEMS.map((name) => [name, { available: true }])),
      registered_health_subsystems: 8,
      timeline_event_count: 0,
      bootstrapped: true,
    });
  });

  it.each(['/health', '/monitoring/status'])('is 500 without a word of what went wrong inside: %s', async (path) => {
    await query('ALTER TABLE idempotency_keys RENAME TO away');
    try {
      const { status, body } = await call('GET', path);
      expect([status, body]).toEqual([500, { detail: expect.any(String), request_id: expect.any(String) }]);
      expect(JSON.stringify(body)).not.toContain('idempotency_keys');
    } finally {
      await query('ALTER TABLE away RENAME TO idempotency_keys');
    }
    expect((await call('GET', path)).status).toBe(200);
  });

  it('tell of crashes, but not of what users asked for', async () => {
    for (const seq of [1, 2]) await crash(seq);
    await crash(3, 'restart by user:x');
    expect(await health()).toMatchObject({ status: 'healthy', node_crash_detection: { recent_crashes: 2 } });
    await crash(4);
    expect(await health()).toMatchObject({ status: 'degraded', node_crash_detection: { recent_crashes: 3 } });
    expect((await call('GET', '/timeline?event_type=NODE_CRASHED')).body).toMatchObject({ total_count: 3 });
  });

  it('tell of a host that has not been heard of, to whose agents it concerns', async () => {
    await query(
      `INSERT INTO hosts (id, runtime, capacity_agents, heartbeat_at) VALUES ($1, 'process', 10, now() - interval '5 minutes')`,
      [org.orgId],
    );
    const other = await health();
    await query('UPDATE agents SET host_id = $1 WHERE id = $2', [org.orgId, agent]);
    const since = `SELECT pg_postmaster_start_time() < now() - interval '30 seconds' AS old`;
    const [{ old } = {}] = await query(since);
    expect(other).toMatchObject({ status: 'healthy' });
    expect((await health()).status).toBe(old ? 'unhealthy' : 'healthy');
    await query('UPDATE hosts SET heartbeat_at = now() WHERE id = $1', [org.orgId]);
    expect(await health()).toMatchObject({ status: 'healthy', partition_detection: { state: 'normal' } });
  });
});

describe('GET /swarm/timeline', () => {
  it('shows steps of swarms, newest first, by every filter', async () => {
    const [swarm, run, step] = [newId(), newId(), newId()];
    await query(`INSERT INTO swarms (id, org_id, name, slug) VALUES ($1, $2, 'S', 's')`, [swarm, org.orgId]);
    await query(
      `INSERT INTO swarm_runs (id, org_id, swarm_id, strategy, started_by) VALUES ($1, $2, $3, 'parallel', 'x')`,
      [run, org.orgId, swarm],
    );
    await query(
      `INSERT INTO swarm_steps (id, run_id, org_id, agent_id, kind, round, position, prompt, status, started_at, finished_at)
       VALUES ($1, $2, $3, $4, 'work', 0, 0, 'x', 'completed', now() - interval '2 minutes', now() - interval '1 minute')`,
      [step, run, org.orgId, agent],
    );
    await crash(1);
    const list = async (filter = ''): Promise<{ events: Body[] }> =>
      (await call('GET', `/timeline${filter}`)).body as { events: Body[] };
    const types = async (filter = '') => (await list(filter)).events.map(({ event_type: type }) => type);
    const all = await list();
    expect(all).toEqual({
      events: [
        { event_type: 'NODE_CRASHED', task_id: null, peer_id: agent, timestamp: iso, metadata: expect.any(Object) },
        { event_type: 'TASK_COMPLETED', task_id: step, peer_id: agent, timestamp: iso, metadata: expect.any(Object) },
        { event_type: 'TASK_STARTED', task_id: step, peer_id: agent, timestamp: iso, metadata: expect.any(Object) },
      ],
      total_count: 3,
      limit: 100,
      offset: 0,
    });
    expect(await types(`?task_id=${step}`)).toEqual(['TASK_COMPLETED', 'TASK_STARTED']);
    expect(await types(`?peer_id=${newId()}`)).toEqual([]);
    expect(await types('?event_type=TASK_STARTED')).toEqual(['TASK_STARTED']);
    expect(await types('?event_type=NO_SUCH_TYPE')).toEqual([]);
    const since = encodeURIComponent(new Date(Date.now() - 90_000).toISOString());
    expect(await types(`?since=${since}`)).toEqual(['NODE_CRASHED', 'TASK_COMPLETED']);
    expect(await types(`?until=${since}`)).toEqual(['TASK_STARTED']);
    expect(await types('?limit=1&offset=1')).toEqual(['TASK_COMPLETED']);
    const { apiKey } = await api.organisation();
    expect((await api.request('GET', '/api/v1/swarm/timeline', { apiKey })).body).toMatchObject({ total_count: 0 });
  });

  it.each(['limit=0', 'limit=10000', 'offset=-1', 'since=yesterday'])('refuses %s', async (filter) => {
    expect((await call('GET', `/timeline?${filter}`)).status).toBe(422);
  });
});

describe('/swarm/alerts/thresholds', () => {
  it('are kept, changed in part, and act at once', async () => {
    expect((await call('GET', '/alerts/thresholds')).body).toEqual({ ...THRESHOLDS, updated_at: iso });
    expect((await call('PUT', '/alerts/thresholds', {})).body).toEqual({ ...THRESHOLDS, updated_at: iso });
    await crash(1);
    expect((await health()).status).toBe('healthy');
    const changed = await call('PUT', '/alerts/thresholds', { crash_count: 1 });
    expect([changed.status, changed.body]).toEqual([200, { ...THRESHOLDS, crash_count: 1, updated_at: iso }]);
    expect((await health()).status).toBe('degraded');
    expect((await call('GET', '/alerts/thresholds')).body).toEqual(changed.body);
  });

  it.each([
    { buffer_utilization: 101 },
    { revocation_rate: -1 },
    { ip_pool_utilization: 'much' },
    { crash_count: -1 },
    { crash_count: 1.5 },
    { webhook_url: 'ftp://example.test' },
    { webhook_url: 'nonsense' },
  ])('refuse %j and stay', async (body) => {
    expect((await call('PUT', '/alerts/thresholds', body)).status).toBe(422);
    expect((await call('GET', '/alerts/thresholds')).body).toMatchObject(THRESHOLDS);
  });

  it('are changed by admins only', async () => {
    const member = await memberToken(api, org.orgId, 'MEMBER');
    expect((await call('PUT', '/alerts/thresholds', { crash_count: 1 }, member)).status).toBe(403);
    expect((await call('GET', '/alerts/thresholds', undefined, member)).status).toBe(200);
  });
});

describe('an alert', () => {
  it('is told once when it is raised and once when it is over, as events and to the webhook, signed', async () => {
    const { body } = await call('PUT', '/alerts/thresholds', { crash_count: 1, webhook_url: receiverUrl });
    const secret = (body as { webhook_secret: string }).webhook_secret;
    expect(secret).toMatch(/^whsec_[0-9a-f]{64}$/);
    expect((await call('GET', '/alerts/thresholds')).body).not.toHaveProperty('webhook_secret');
    await crash(1);
    await look();
    await look();
    expect(await alerts()).toEqual([
      { type: 'alert.raised', name: 'crash_count', value: 1, threshold: 1, status: 'degraded', timestamp: iso },
    ]);
    await deliver();
    expect(posted).toHaveLength(1);
    const [{ headers, body: text }] = posted as [Posted];
    const [, at, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-rookery-signature'])) ?? [];
    expect(signature).toBe(signatureOf(secret, Number(at), text));
    expect(JSON.parse(text)).toEqual({
      id: headers['x-rookery-delivery'],
      type: 'alert.raised',
      alert: { name: 'crash_count', value: 1, threshold: 1 },
      status: 'degraded',
      workspace_id: org.orgId,
      at: iso,
    });
    await call('PUT', '/alerts/thresholds', { crash_count: 5 });
    await look();
    await deliver();
    expect((await alerts()).map(({ type, name }) => [type, name])).toEqual([
      ['alert.cleared', 'crash_count'],
      ['alert.raised', 'crash_count'],
    ]);
    expect(posted).toHaveLength(2);
    expect(await deliver()).toBe(0);
  });

  it('is posted again under the same id when the receiver did not take it', async () => {
    await call('PUT', '/alerts/thresholds', { crash_count: 1, webhook_url: receiverUrl });
    await crash(1);
    await look();
    answerWith = 500;
    await deliver();
    expect(await deliver()).toBe(0);
    await query(`UPDATE alert_deliveries SET next_attempt_at = now() WHERE org_id = $1`, [org.orgId]);
    answerWith = 204;
    await deliver();
    expect(posted.map(({ headers }) => headers['x-rookery-delivery'])).toEqual(Array(2).fill(expect.any(String)));
    expect(posted[0]?.body).toBe(posted[1]?.body);
    expect(await query('SELECT 1 FROM alert_deliveries WHERE org_id = $1', [org.orgId])).toEqual([]);
  });

  it('goes nowhere once the address is taken out', async () => {
    await call('PUT', '/alerts/thresholds', { crash_count: 1, webhook_url: receiverUrl });
    await crash(1);
    await look();
    expect((await call('PUT', '/alerts/thresholds', { webhook_url: null })).body).toMatchObject({ webhook_url: null });
    await deliver();
    expect(posted).toEqual([]);
  });
});
