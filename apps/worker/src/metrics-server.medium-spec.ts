import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Metrics } from '#libs/observability';
import { testConfig } from '#libs/testing';
import { MetricsServer } from './metrics-server.js';

const AT = { databaseUrl: 'postgres://127.0.0.1/unused', dataDir: '/nowhere' };
const TOKEN = 'token-of-the-scraper';

describe('the metrics of a worker', () => {
  let server: MetricsServer;
  const metrics = new Metrics({ process: false });
  metrics.counter('rookery_jobs_total', 'Jobs').inc({});

  const start = async (metricsToken: string | undefined): Promise<void> => {
    server = new MetricsServer(testConfig(AT, { metrics: { port: 0 }, security: { metricsToken } }), metrics);
    await server.onApplicationBootstrap();
  };
  const get = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${server.address?.port}${path}`, { method, headers });
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  };

  beforeEach(() => start(TOKEN));
  afterEach(() => server.beforeApplicationShutdown());

  it('are there for the bearer of the token alone', async () => {
    const authorization = `Bearer ${TOKEN}`;
    const shown = await get('/metrics', { authorization });
    expect(shown).toMatchObject({ status: 200, text: expect.stringContaining('rookery_jobs_total 1') });
    expect(shown.type).toMatch(/^text\/plain/);
    const refused = await get('/metrics', { authorization: 'Bearer another' });
    expect(refused).toMatchObject({ status: 401, text: expect.stringContaining('METRICS_TOKEN') });
    expect((await get('/metrics')).status).toBe(401);
  });

  it('are there for this machine without a token, and not through a proxy', async () => {
    await server.beforeApplicationShutdown();
    await start(undefined);
    expect((await get('/metrics')).status).toBe(200);
    expect((await get('/metrics', { 'x-forwarded-for': '203.0.113.9' })).status).toBe(403);
  });

  it('say that the worker lives, and nothing else', async () => {
    expect(await get('/healthz')).toMatchObject({ status: 200, text: '{"status":"ok"}' });
    expect((await get('/')).status).toBe(404);
    expect((await get('/healthz', {}, 'POST')).status).toBe(405);
  });

  it('have no door without a port', async () => {
    const closed = new MetricsServer(testConfig(AT), metrics);
    await closed.onApplicationBootstrap();
    expect(closed.address).toBeUndefined();
    await closed.beforeApplicationShutdown();
  });
});
