import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ChatService } from '#libs/conversations';
import { type ApiFixture, startApi } from '../testing/api-fixture.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

describe('health', () => {
  it('is live', async () => {
    const { status, body } = await api.request('GET', '/health');
    expect({ status, body }).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  it('is ready while database, schema and queue are', async () => {
    const { status, body } = await api.request('GET', '/readyz');
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        status: 'ok',
        details: { database: { status: 'up' }, migrations: { status: 'up' }, queue: { status: 'up' } },
      },
    });
  });

  it('is not ready once it was told to end, so that requests go to another', async () => {
    const ending = jest.spyOn(api.app.get(ChatService), 'isShuttingDown', 'get').mockReturnValue(true);
    const { status, body } = await api.request('GET', '/readyz');
    ending.mockRestore();
    expect(status).toBe(503);
    expect(body).toMatchObject({
      status: 'error',
      details: { database: { status: 'up' }, process: { status: 'down' } },
    });
  });

  it('names what is not ready', async () => {
    await api.db.database.query(`INSERT INTO migrations (timestamp, name) VALUES (1, 'ContractOfTheFuture1')`);
    const { status, body } = await api.request('GET', '/readyz');
    await api.db.database.query(`DELETE FROM migrations WHERE name = 'ContractOfTheFuture1'`);
    expect(status).toBe(503);
    expect(body).toMatchObject({
      status: 'error',
      details: { database: { status: 'up' }, migrations: { status: 'down' } },
    });
  });
});

describe('metrics', () => {
  it('speaks Prometheus to this machine and counts by route template', async () => {
    await api.request('GET', '/v1/agents/5b1c9a3e-7f7a-4a6e-9a55-0f6f0e6b7c11');
    const { status, headers, body } = await api.request('GET', '/metrics');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain('text/plain');
    expect(body).toContain('route="/v1/agents/:id"');
    expect(body).not.toContain('5b1c9a3e');
    expect(body).toContain('rookery_queue_jobs');
  });

  it('refuses what came through a proxy', async () => {
    const { status } = await api.request('GET', '/metrics', { headers: { 'x-forwarded-for': '203.0.113.9' } });
    expect(status).toBe(403);
  });
});

describe('pages', () => {
  const surfaces = ['agento', 'agent402'];

  it('shows where everything is', async () => {
    const { status, headers, body } = await api.request('GET', '/');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain('text/html');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    for (const link of [...surfaces.map((surface) => `/docs/${surface}`), '/admin/queues', api.config.http.publicUrl]) {
      expect(body).toContain(link);
    }
  });

  it.each(surfaces)('documents %s offline and without inline script', async (surface) => {
    const page = await api.request('GET', `/docs/${surface}`);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(page.body).not.toMatch(/<script(?![^>]*src=)/);
    expect(page.body).not.toMatch(/(src|href)="https?:/);
    const sources = [...String(page.body).matchAll(/(?:src|href|data-document)="(\/(?:docs|assets|openapi)\/[^"]+)"/g)];
    for (const [, path] of sources) expect([path, (await api.request('GET', path ?? '')).status]).toEqual([path, 200]);
    expect(sources.length).toBeGreaterThan(4);
  });

  it.each(surfaces)('serves the document of %s', async (surface) => {
    const { status, body } = await api.request('GET', `/openapi/${surface}.json`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ openapi: expect.stringMatching(/^3\./), paths: expect.any(Object) });
  });

  it.each(['/docs/nobody', '/openapi/nobody.json', '/openapi/..%2Fpackage.json', '/docs/assets/package.json'])(
    'has nothing at %s',
    async (path) => {
      expect((await api.request('GET', path)).status).toBe(404);
    },
  );
});
