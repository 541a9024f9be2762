// Writers append events and ring, followers read them by cursor, Postgres is restarted in the middle: how soon followers and
// API are back, and whether an event was lost, doubled or out of order.
// Run after the build: node test/bench/events.bench.mjs [things=20]
import 'reflect-metadata';
import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { ConfigModule, loadConfig } from '#libs/config';
import { Database, DatabaseModule, openDataSource } from '#libs/database';
import { EventLog, EventsModule, Notices } from '#libs/events';
import { createFirstAdmin } from '#libs/identity';
import { LoggerModule, silentLogger } from '#libs/observability';
import { Table, freePort, openDatabase, until } from './harness.mjs';

const THINGS = Number(process.argv[2] ?? 20);
const BATCH = 500;
const API = join(import.meta.dirname, '..', '..', 'dist/apps/api/src/main.js');
const SECRET = 'a-secret-of-the-bench-0123456789abcdef';

const postgres = await openDatabase();
const environment = {
  NODE_ENV: 'test',
  DATABASE_URL: postgres.url,
  DATA_DIR: postgres.dir,
  JWT_SECRET: SECRET,
  MASTER_KEY: SECRET,
  LOG_LEVEL: 'silent',
};
/** Of each thing: seqs whose commit was acknowledged, and those its follower has read, with when. */
const things = Array.from({ length: THINGS }, () => ({ id: randomUUID(), committed: [], read: [], lastReadAt: 0 }));
const over = new AbortController();
let isWriting = true;

const sum = (of) => things.reduce((total, thing) => total + of(thing), 0);
const written = () => sum(({ committed }) => committed.length);
const lostOf = ({ committed, read }) => {
  const seen = new Set(read);
  return committed.filter((seq) => !seen.has(seq)).length;
};
const disorderOf = ({ read }) => read.filter((seq, at) => at > 0 && seq <= read[at - 1]).length;

const { orgId, apiKey } = await prepared();
const [writing, following, api] = await Promise.all([openApp(), openApp(), openApi()]);
try {
  await measure();
} finally {
  over.abort();
  await Promise.all([writing.close(), following.close(), api.close()]);
  await postgres.close();
}

async function measure() {
  const table = new Table(`Events of ${THINGS} things, written and followed over a restart of Postgres`);
  const writers = things.map((thing) => write(thing));
  const followers = things.map((thing) => follow(thing));
  await sleep(1_500);
  const before = written();
  await postgres.stop();
  await sleep(500);
  await postgres.start();
  const ready = performance.now();
  const [apiMs, followersMs] = await Promise.all([apiIsBack(ready), followersAreBack(ready)]);
  await sleep(1_500);
  isWriting = false;
  await Promise.all(writers);
  await until(() => things.every(({ committed, read }) => (read.at(-1) ?? 0) >= (committed.at(-1) ?? 0)));
  over.abort();
  await Promise.all(followers);
  table.row('written before the restart', before, '');
  table.row('written in all', written(), '');
  table.row('Postgres ready -> the API answers', apiMs, 'ms', 2_000);
  table.row('Postgres ready -> every follower has a new event', followersMs, 'ms', 2_000);
  table.row(`events lost of ${written()} committed around it`, sum(lostOf), '', 0);
  table.row('events doubled or out of order', sum(disorderOf), '', 0);
  table.finish();
}

/** As a use case does it: the thing's row, its event and the ring in one transaction. */
async function write(thing) {
  const [database, events, notices] = [Database, EventLog, Notices].map((token) => writing.get(token));
  while (isWriting) {
    const change = database.transaction(async (tx) => {
      const [row] = await tx.query(
        'UPDATE agents SET event_seq = event_seq + 1 WHERE org_id = $1 AND id = $2 RETURNING event_seq',
        [orgId, thing.id],
      );
      const seq = Number(row.event_seq);
      await events.append(tx, { kind: 'agent', id: thing.id, orgId, seq, type: 'bench', data: { seq } });
      notices.notifyAfter(tx, 'agent', thing.id);
      return seq;
    });
    await change.then(
      (seq) => thing.committed.push(seq),
      () => sleep(20),
    );
    await sleep(5);
  }
}

/** As a stream does it: woken by rings, moved only by what was read. */
async function follow(thing) {
  const [events, notices] = [EventLog, Notices].map((token) => following.get(token));
  let cursor = 0;
  const next = async () => {
    const found = await events.read({ orgId }, 'agent', thing.id, { afterSeq: cursor, limit: BATCH });
    return found.length > 0 ? found : undefined;
  };
  while (!over.signal.aborted) {
    try {
      const found = await notices.until('agent', thing.id, next, { timeoutMs: 5_000, signal: over.signal });
      if (found === undefined) continue;
      thing.read.push(...found.map(({ seq }) => seq));
      cursor = found.at(-1).seq;
      thing.lastReadAt = performance.now();
    } catch {
      await sleep(50);
    }
  }
}

async function followersAreBack(since) {
  await until(() => things.every(({ lastReadAt }) => lastReadAt > since));
  return Math.max(...things.map(({ lastReadAt }) => lastReadAt)) - since;
}

/** A route that has to ask Postgres. */
async function apiIsBack(since) {
  const answers = () =>
    fetch(`${api.url}/v1/agents/${things[0].id}`, { headers: { 'x-api-key': apiKey } }).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(answers);
  return performance.now() - since;
}

async function prepared() {
  const dataSource = await openDataSource(postgres.url);
  const database = new Database(dataSource);
  const admin = await createFirstAdmin(database, { email: 'bench@example.test', organisation: 'Bench' });
  for (const { id } of things) {
    await database.query(
      `INSERT INTO agents (id, org_id, name, region, image, desired_state, status)
       VALUES ($1, $2, 'Bench', 'eu', 'none', 'stopped', 'stopped')`,
      [id, admin.orgId],
    );
  }
  await dataSource.destroy();
  return admin;
}

function openApp() {
  class BenchModule {}
  const imports = [ConfigModule.forRoot(loadConfig(environment)), LoggerModule.forRoot(silentLogger())];
  const module = { module: BenchModule, imports: [...imports, DatabaseModule.forRoot(), EventsModule.forRoot()] };
  return NestFactory.createApplicationContext(module, { logger: false });
}

/** The compiled API, as it is started in earnest. */
async function openApi() {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    ...environment,
    PATH: process.env.PATH,
    PORT: String(port),
    RATE_LIMIT_PER_MINUTE: '1000000000',
    HOST_ID: `bench-${randomBytes(4).toString('hex')}`,
  };
  const child = spawn(process.execPath, ['--no-warnings', API], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const ready = () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(ready, 60_000);
  return {
    url,
    close: async () => {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    },
  };
}
