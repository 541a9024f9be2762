import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import { freePort, startRedis } from './servers.js';
import { type TestDatabase, testDatabase } from './test-database.js';
import { testOrganisation } from './test-organisation.js';
import { describeIf, requireTool } from './tools.js';
import { schemaProblems } from '#libs/database';

describe('testDatabase', () => {
  let one: TestDatabase;
  let other: TestDatabase;

  beforeAll(async () => {
    [one, other] = await Promise.all([testDatabase(), testDatabase()]);
  });
  afterAll(async () => {
    await Promise.all([one.close(), other.close()]);
  });

  it('gives every suite a migrated database of its own', async () => {
    expect(await schemaProblems(one.database.dataSource)).toEqual([]);
    await testOrganisation(one.database);
    expect(await one.database.query('SELECT id FROM organisations')).toHaveLength(1);
    expect(await other.database.query('SELECT id FROM organisations')).toHaveLength(0);
  });

  it('makes a caller whose rows exist', async () => {
    const { caller, orgId, userId } = await testOrganisation(one.database, { role: 'VIEWER' });
    const rows = await one.database.query('SELECT role FROM memberships WHERE org_id = $1 AND user_id = $2', [
      orgId,
      userId,
    ]);
    expect(rows).toEqual([{ role: 'VIEWER' }]);
    expect(caller.scopes).not.toContain('agents:write');
  });

  it('merges overrides into the configuration deeply', () => {
    const config = one.config({ limits: { ratePerMinute: 7 }, redisUrl: 'redis://127.0.0.1:1' });
    expect(config).toMatchObject({ env: 'test', databaseUrl: one.url, redisUrl: 'redis://127.0.0.1:1' });
    expect(config.limits.ratePerMinute).toBe(7);
    expect(config.limits.logRetentionDays).toBeGreaterThan(0);
  });

  it('leaves nothing behind when closed', async () => {
    const third = await testDatabase();
    const name = new URL(third.url).pathname.slice(1);
    await third.close();
    expect(await one.database.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])).toEqual([]);
  });
});

describe('freePort', () => {
  it('gives a port that can be listened on', async () => {
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    await new Promise((resolve) => server.close(resolve));
    expect(port).toBeGreaterThan(0);
  });

  it('gives none twice, and none that an outgoing connection may get', async () => {
    const ports = await Promise.all(Array.from({ length: 500 }, () => freePort()));
    expect(new Set(ports).size).toBe(500);
    expect(Math.max(...ports)).toBeLessThan(32_768);
  });
});

describeIf(requireTool('redis-server'), 'startRedis', () => {
  it('starts, flushes, restarts and stops a server', async () => {
    const redis = await startRedis();
    await redis.flush();
    await redis.restart();
    await redis.flush();
    await redis.stop();
    await expect(redis.flush()).rejects.toThrow('ECONNREFUSED');
  });
});
