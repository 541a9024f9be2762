import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ownerToken } from '../../../http/contract/walk-world.js';
import { type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';
import { type CutLine, cutLine } from '../../../testing/cut-line.js';

const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const count = expect.any(Number);
const pool = {
  ...{ size: count, checked_in: count, checked_out: count, overflow: count, max_overflow: 0 },
  utilization_percent: count,
};

let api: ApiFixture;
let org: ApiOrganisation;

beforeAll(async () => {
  api = await startApi();
  org = await api.organisation();
}, 60_000);
afterAll(() => api?.close());

const get = (path: string) => api.request('GET', path, { apiKey: org.apiKey });

describe('health', () => {
  it('is public where the contract says so', async () => {
    expect((await api.request('GET', '/health')).body).toMatchObject({ status: 'ok' });
    const { status, body } = await api.request('GET', '/rate-limit-status');
    expect([status, body]).toEqual([
      200,
      {
        enabled: true,
        backend: 'postgres',
        strategy: 'moving-window',
        limits: { global: '1000000/minute', auth: '1000000/minute', post: '1000000/minute', get: '1000000/minute' },
        profiles: { global: expect.any(String), auth: expect.any(String) },
      },
    ]);
  });

  it('gives the same metrics at both addresses', async () => {
    const names = async (path: string): Promise<string[]> => {
      const { status, headers, body } = await api.request('GET', path);
      expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('version=0.0.4')]);
      return [...String(body).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
    };
    expect(await names('/api/v1/metrics')).toEqual(await names('/metrics'));
    expect(await names('/metrics')).toEqual(
      expect.arrayContaining(['rookery_http_request_duration_seconds', 'rookery_agents']),
    );
  });

  it('counts capability tokens and rows of the audit log under the names of the contract', async () => {
    const counted = async (): Promise<Record<string, number>> => {
      const { body } = await api.request('GET', '/metrics');
      const lines = [...String(body).matchAll(/^openclaw_(\w+?)(?:_total)(\{.*\})? (\d+)$/gm)];
      return Object.fromEntries(lines.map(([, name, labels = '', value]) => [`${name}${labels}`, Number(value)]));
    };
    const token = await ownerToken(api, await api.organisation());
    const before = await counted();
    const wish = { peer_id: 'peer', capabilities: ['agents:read'], max_gpu_minutes: 0, max_concurrent_tasks: 0 };
    const issued = await api.request('POST', '/api/v1/security/tokens', { token, body: wish });
    const peer = issued.body as { token: string; jti: string };
    const asPeer = () => api.request('GET', '/api/v1/agents', { token: peer.token });
    expect((await asPeer()).status).toBe(200);
    await api.request('DELETE', `/api/v1/security/tokens/${peer.jti}`, { token });
    expect((await asPeer()).status).toBe(401);
    const after = await counted();
    const more = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
    expect(more('tokens_issued')).toBe(1);
    expect(more('tokens_revoked')).toBe(1);
    expect(more('capability_validations{outcome="accepted"}')).toBe(1);
    expect(more('capability_validations{outcome="refused"}')).toBe(1);
    expect(more('audit_events{type="TOKEN_ISSUED",result="success"}')).toBe(1);
    expect(more('audit_events{type="TOKEN_REVOKED",result="success"}')).toBe(1);
  });

  it('tells how the database does, and how busy the connections are', async () => {
    expect((await api.request('GET', '/api/v1/db/health')).status).toBe(401);
    expect((await api.request('GET', '/api/v1/db/pool-stats')).status).toBe(401);
    const { status, body } = await get('/api/v1/db/health');
    expect([status, body]).toEqual([
      200,
      {
        status: 'healthy',
        timestamp: iso,
        async_pool: pool,
        sync_pool: pool,
        async_connection_test: true,
        sync_connection_test: true,
        database_name: null,
        database_host: null,
        warnings: [],
      },
    ]);
    expect((await get('/api/v1/db/pool-stats')).body).toEqual({ timestamp: iso, async_pool: pool, sync_pool: pool });
  });

  it('counts agents by state', async () => {
    await api.db.database.query(
      `INSERT INTO agents (id, org_id, name, region, image, status)
       SELECT gen_random_uuid(), $1, 'Ada', 'eu', 'x', 'error' FROM generate_series(1, 3)`,
      [org.orgId],
    );
    expect(String((await api.request('GET', '/metrics')).body)).toContain('rookery_agents{status="error"} 3');
  });
});

describe('without its database', () => {
  let line: CutLine;
  let cut: ApiFixture;

  beforeAll(async () => {
    line = await cutLine(api.db.url);
    cut = await startApi({ databaseUrl: line.url });
  }, 60_000);
  afterAll(async () => {
    line?.mend();
    await cut?.close();
    await line?.close();
  });

  it.each(['/db/health', '/swarm/health', '/swarm/monitoring/status', '/agents'])('is 503: %s', async (path) => {
    line.cut();
    const { status, body, headers } = await cut.request('GET', `/api/v1${path}`, { apiKey: org.apiKey });
    expect([status, body]).toEqual([503, { detail: expect.any(String), request_id: expect.any(String) }]);
    expect(headers.get('retry-after')).toBe('1');
    expect((await cut.request('GET', '/health')).status).toBe(200);
  });
});
