// What the outbox, the catalogue and the dispatcher cost over BullMQ itself, and how soon work goes on after Postgres was
// restarted. Run after the build: node test/bench/queue.bench.mjs [samples=300]
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { Queue, Worker, createPostgresBackend } from 'bullmq';
import { IsString } from 'class-validator';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { ConfigModule, loadConfig } from '#libs/config';
import { Database, DatabaseModule } from '#libs/database';
import { LoggerModule, silentLogger } from '#libs/observability';
import { HandlesJob, JobRinger, QueueModule, defineJob } from '#libs/queue';
import { Table, openDatabase, openRedis, quantile, until } from './harness.mjs';

const SAMPLES = Number(process.argv[2] ?? 300);
const BURST = 2_000;
const SETTINGS = { lockDuration: 10_000, stalledInterval: 5_000, runRetryDelay: 500, concurrency: 20 };
const SECRET = 'a-secret-of-the-bench-0123456789abcdef';

class Work {}
IsString()(Work.prototype, 'id');
const WORK = defineJob({ name: 'bench.work', queue: 'control', payload: Work, attempts: 1 });

const started = new Map();
class Handler {
  async handle({ id }) {
    started.set(id, performance.now());
  }
}
HandlesJob(WORK)(Handler.prototype, 'handle', Object.getOwnPropertyDescriptor(Handler.prototype, 'handle'));

const postgres = await openDatabase();
const redis = await openRedis();
try {
  await measure('Postgres', undefined);
  if (redis) await measure('Redis', redis.url);
  else console.log('\nRedis is not installed: its rows are left out');
} finally {
  await Promise.all([postgres.close(), redis?.close()]);
}

async function measure(name, redisUrl) {
  const table = new Table(`Commit to handler start on ${name}, ${SAMPLES} samples each, taken in turns`);
  const [api, worker] = [await openApp(redisUrl, false), await openApp(redisUrl, true)];
  const raw = await openRaw(redisUrl);
  const [ours, bare] = [[], []];
  for (let n = 0; n < SAMPLES + 20; n += 1) {
    const [mine, theirs] = [await ringed(api), await raw.added()];
    if (n >= 20) (ours.push(mine), bare.push(theirs));
    await sleep(5);
  }
  table.times('BullMQ alone: add -> start', bare);
  table.times('Rookery: commit -> start', ours);
  table.row('added, p50', quantile(ours, 0.5) - quantile(bare, 0.5), 'ms', 5);
  table.row('added, p99', quantile(ours, 0.99) - quantile(bare, 0.99), 'ms', 20);
  await burst(table, api, raw);
  await raw.close();
  await recovery(table, api, redisUrl);
  await Promise.all([api.close(), worker.close()]);
  table.finish();
}

async function ringed(api) {
  const id = randomUUID();
  await ring(api, id);
  const committed = performance.now();
  await until(() => started.has(id));
  return Math.max(0, started.get(id) - committed);
}

function ring(api, id) {
  return api.get(Database).transaction((tx) => api.get(JobRinger).ring(tx, WORK, { id }));
}

async function burst(table, api, raw) {
  const rate = async (add) => {
    const ids = Array.from({ length: BURST }, () => randomUUID());
    const begun = performance.now();
    let next = 0;
    const adding = async () => {
      while (next < ids.length) await add(ids[next++]);
    };
    await Promise.all(Array.from({ length: 8 }, adding));
    const added = performance.now() - begun;
    await until(() => ids.every((id) => started.has(id)), 60_000);
    return { added: BURST / (added / 1_000), done: BURST / ((performance.now() - begun) / 1_000) };
  };
  const [bare, ours] = [await rate(raw.add), await rate((id) => ring(api, id))];
  table.row(`BullMQ alone: ${BURST} adds, 8 at a time`, bare.added, '/s');
  table.row('BullMQ alone: ... and their jobs started', bare.done, '/s');
  table.row(`Rookery: ${BURST} transactions that ring, 8 at a time`, ours.added, '/s');
  table.row('Rookery: ... and their jobs started', ours.done, '/s');
}

/** Rings without pause while Postgres is restarted. */
async function recovery(table, api) {
  const committed = [];
  let ringing = true;
  const clients = Array.from({ length: 4 }, async () => {
    while (ringing) {
      const id = randomUUID();
      await ring(api, id).then(
        () => committed.push(id),
        () => sleep(20),
      );
      await sleep(5);
    }
  });
  await sleep(500);
  await postgres.stop();
  await postgres.start();
  const back = performance.now();
  await until(() => [...started.values()].at(-1) > back);
  table.row('Postgres restarted: ready -> next job starts', [...started.values()].at(-1) - back, 'ms', 2_000);
  await sleep(500);
  ringing = false;
  await Promise.all(clients);
  const lost = () => committed.filter((id) => !started.has(id)).length;
  await until(() => lost() === 0, 20_000).catch(() => undefined);
  table.row(`jobs lost of ${committed.length} committed around it`, lost(), '', 0);
}

function openApp(redisUrl, handles) {
  const config = loadConfig({
    NODE_ENV: 'test',
    DATABASE_URL: postgres.url,
    DATA_DIR: postgres.dir,
    JWT_SECRET: SECRET,
    MASTER_KEY: SECRET,
    ...(redisUrl ? { REDIS_URL: redisUrl } : {}),
  });
  const queue = handles ? QueueModule.forWorker({ catalogue: [WORK], queues: ['control'] }) : QueueModule.forProducer();
  class BenchModule {}
  const module = {
    module: BenchModule,
    imports: [ConfigModule.forRoot(config), LoggerModule.forRoot(silentLogger()), DatabaseModule.forRoot(), queue],
    providers: handles ? [Handler] : [],
  };
  return NestFactory.createApplicationContext(module, { logger: false });
}

/** The same backend with nothing of ours. */
async function openRaw(redisUrl) {
  const connection = redisUrl
    ? new Redis(redisUrl, { maxRetriesPerRequest: null })
    : new Pool({ connectionString: postgres.url, max: 10, options: '-c search_path=bullmq', keepAlive: true });
  connection.on('error', () => undefined);
  const factory = redisUrl ? undefined : createPostgresBackend;
  const queue = new Queue('raw', { connection }, factory);
  const handler = async (job) => void started.set(job.data.id, performance.now());
  const worker = new Worker('raw', handler, { connection, ...SETTINGS }, factory);
  for (const part of [queue, worker]) part.on('error', () => undefined);
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  const add = (id) => queue.add('work', { id }, { removeOnComplete: { age: 600 } });
  return {
    add,
    added: async () => {
      const id = randomUUID();
      const begun = performance.now();
      await add(id);
      await until(() => started.has(id));
      return started.get(id) - begun;
    },
    close: async () => {
      await worker.close();
      await queue.close();
      await (redisUrl ? connection.disconnect() : connection.end());
    },
  };
}
