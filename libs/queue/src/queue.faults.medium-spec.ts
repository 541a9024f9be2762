import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import type { INestApplicationContext } from '@nestjs/common';
import { Database, migrate, openDataSource } from '#libs/database';
import { newId } from '#libs/kernel';
import {
  type TestCluster,
  type TestDatabase,
  type TestRedis,
  describeIf,
  eventually,
  requireTool,
  startRedis,
  testCluster,
  testConfig,
  testDatabase,
} from '#libs/testing';
import { CONTROL_WORK, TABLES, openFixture } from './conformance/fixture-spec.js';
import { JobRinger } from './job-ringer.js';
import { OutboxSender } from './outbox-sender.js';
import { migrateQueue } from './queue-backend.js';
import { QueueRegistry } from './queue-registry.js';

const ring = (app: INestApplicationContext, id: string): Promise<void> =>
  app.get(Database).transaction((tx) => app.get(JobRinger).ring(tx, CONTROL_WORK, { id }));

const count = async (database: Database, id: string): Promise<number> =>
  (await database.query(`SELECT 1 FROM test_attempts WHERE id = $1 AND ended = 'done'`, [id])).length;

describe('a queue whose Postgres is restarted', () => {
  const apps: INestApplicationContext[] = [];
  let server: TestCluster;

  beforeAll(async () => {
    server = await testCluster();
    const dataSource = await openDataSource(server.url);
    await migrate(dataSource);
    await dataSource.query(TABLES);
    await dataSource.destroy();
    await migrateQueue(server.url);
  });
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await server.close();
  });

  it('refuses rings meanwhile, then goes on by itself and has lost nothing', async () => {
    const config = testConfig({ databaseUrl: server.url, dataDir: tmpdir() });
    const [api, worker] = [await openFixture(config), await openFixture(config, {})];
    apps.push(api, worker);
    const [before, left, after] = [newId(), newId(), newId()];
    await ring(api, before);
    await eventually(async () => (await count(api.get(Database), before)) === 1);
    const { enqueue } = api.get(OutboxSender);
    api.get(OutboxSender).enqueue = () => undefined;
    await ring(api, left);
    api.get(OutboxSender).enqueue = enqueue.bind(api.get(OutboxSender));
    await server.stop();
    await expect(ring(api, newId())).rejects.toMatchObject({ kind: 'unavailable' });
    await server.start();
    await eventually(() => ring(api, after).then(() => true));
    await eventually(async () => (await count(api.get(Database), after)) === 1);
    await eventually(async () => (await count(api.get(Database), left)) === 1);
    expect(await count(api.get(Database), before)).toBe(1);
  });
});

describeIf(requireTool('redis-server'), 'a queue whose Redis is lost', () => {
  let test: TestDatabase;
  let redis: TestRedis;
  let door: Door;
  const apps: INestApplicationContext[] = [];

  const start = async (worker?: object) => {
    const app = await openFixture(test.config({ redisUrl: door.url }), worker);
    apps.push(app);
    return app;
  };
  const done = (id: string) => eventually(async () => (await count(test.database, id)) === 1);

  beforeAll(async () => {
    [test, redis] = await Promise.all([testDatabase(), startRedis()]);
    await test.database.query(TABLES);
    door = new Door(Number(new URL(redis.url).port));
    await door.open();
  });
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });
  afterAll(async () => {
    await door.close();
    await Promise.all([test.close(), redis.stop()]);
  });

  it('accepts rings all the same and sends them when it is back', async () => {
    const [api] = [await start(), await start({})];
    const [before, meanwhile, after] = [newId(), newId(), newId()];
    await ring(api, before);
    await done(before);
    await door.close();
    await ring(api, meanwhile);
    await api.get(OutboxSender).settled();
    expect(await test.database.query('SELECT 1 FROM outbox')).toHaveLength(1);
    await door.open();
    await done(meanwhile);
    await ring(api, after);
    await done(after);
    expect(await count(test.database, meanwhile)).toBe(1);
  });

  it('starts without it and works once it is there', async () => {
    await door.close();
    const id = newId();
    const [api] = [await start(), await start({})];
    await ring(api, id);
    await door.open();
    await done(id);
  });

  it('goes on after it was restarted empty', async () => {
    const [api] = [await start(), await start({})];
    const id = newId();
    await redis.restart();
    await ring(api, id);
    await done(id);
  });

  it('forgets its jobs when it is flushed, and takes them again when they are rung again', async () => {
    const api = await start();
    const id = newId();
    await ring(api, id);
    await api.get(OutboxSender).settled();
    const queue = await api.get(QueueRegistry).queue('control');
    expect(await queue.getWaitingCount()).toBe(1);
    await redis.flush();
    expect(await queue.getWaitingCount()).toBe(0);
    await start({});
    await ring(api, id);
    await done(id);
  });
});

/** A way to Redis that can be shut. */
class Door {
  private server: Server | undefined;
  private port = 0;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly to: number) {}

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async open(): Promise<void> {
    this.server = createServer((socket) => {
      const onward = connect(this.to, '127.0.0.1');
      for (const [one, other] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        this.sockets.add(one);
        one.pipe(other);
        one.on('error', () => undefined).on('close', () => (other.destroy(), this.sockets.delete(one)));
      }
    }).listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as { port: number }).port;
  }

  async close(): Promise<void> {
    if (!this.server?.listening) return;
    this.server.close();
    this.sockets.forEach((socket) => socket.destroy());
    await once(this.server, 'close');
  }
}
