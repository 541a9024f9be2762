// What becomes of jobs whose workers are killed (kill -9) at random moments: how many are lost, and how many effects are doubled. Each job
// claims a row, works a moment, and writes its effect under the claim, as the handlers of every domain do.
// Run after the build: node test/bench/killed-jobs.bench.mjs [jobs=10000]
import 'reflect-metadata';
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { IsString } from 'class-validator';
import { ConfigModule, loadConfig } from '#libs/config';
import { Database, DatabaseModule } from '#libs/database';
import { LoggerModule, silentLogger } from '#libs/observability';
import { HandlesJob, JobRinger, QueueModule, defineJob } from '#libs/queue';
import { Table, openDatabase, openRedis, until } from './harness.mjs';

const WORKERS = 2;
const AT_ONCE = 8;
/** A job works for up to so long, so that kills meet many in the midst of it. */
const WORK_MS = 20;
/** Between two kills; a worker takes a second or two to be there again. */
const [LEAST_PAUSE_MS, MOST_PAUSE_MS] = [500, 2_500];
const PATIENCE_MS = 300_000;
const SECRET = 'a-secret-of-the-bench-0123456789abcdef';

class Work {}
IsString()(Work.prototype, 'id');
const WORK = defineJob({ name: 'bench.work', queue: 'control', payload: Work, attempts: 3 });

const TABLES = `
  CREATE TABLE bench_items (id uuid PRIMARY KEY, epoch int NOT NULL DEFAULT 0, done boolean NOT NULL DEFAULT false);
  CREATE TABLE bench_effects (item uuid NOT NULL)`;
const CLAIM = 'UPDATE bench_items SET epoch = epoch + 1 WHERE id = $1 AND NOT done RETURNING epoch';
const FENCED = 'UPDATE bench_items SET done = true WHERE id = $1 AND epoch = $2 AND NOT done RETURNING id';
const OUTCOME = `
  SELECT count(*) FILTER (WHERE effects = 0)::int AS lost, count(*) FILTER (WHERE effects > 1)::int AS doubled,
         sum(epoch - 1)::int AS repeated
    FROM (SELECT i.epoch, (SELECT count(*) FROM bench_effects e WHERE e.item = i.id) AS effects FROM bench_items i) AS items`;

class Handler {
  constructor(database) {
    this.database = database;
  }

  async handle({ id }) {
    const [claim] = await this.database.query(CLAIM, [id]);
    if (!claim) return;
    await sleep(Math.random() * WORK_MS);
    await this.database.transaction(async (tx) => {
      const rows = await tx.query(FENCED, [id, claim.epoch]);
      if (rows.length === 1) await tx.query('INSERT INTO bench_effects (item) VALUES ($1)', [id]);
    });
  }
}
Reflect.defineMetadata('design:paramtypes', [Database], Handler);
HandlesJob(WORK)(Handler.prototype, 'handle', Object.getOwnPropertyDescriptor(Handler.prototype, 'handle'));

/** Worker processes, each replaced as soon as it was killed. */
class Fleet {
  kills = 0;
  isOver = false;
  #workers = [];
  #environment;

  constructor(environment) {
    this.#environment = environment;
  }

  async open() {
    this.#workers = await Promise.all(Array.from({ length: WORKERS }, () => this.#started()));
  }

  async killUntilOver() {
    while (!this.isOver) {
      await sleep(LEAST_PAUSE_MS + Math.random() * (MOST_PAUSE_MS - LEAST_PAUSE_MS));
      const nr = Math.floor(Math.random() * WORKERS);
      this.#workers[nr].kill('SIGKILL');
      this.kills += 1;
      this.#workers[nr] = await this.#started();
    }
  }

  close() {
    this.isOver = true;
    for (const worker of this.#workers) worker.kill('SIGKILL');
  }

  async #started() {
    const worker = fork(import.meta.filename, { env: this.#environment });
    await once(worker, 'message');
    return worker;
  }
}

if (process.env.BENCH_WORKER) {
  await openApp(process.env.DATABASE_URL, process.env.REDIS_URL, true);
  process.send('ready');
} else {
  const jobs = Number(process.argv[2] ?? 10_000);
  const redis = await openRedis();
  try {
    await measure('Postgres', jobs, undefined);
    if (redis) await measure('Redis', jobs, redis.url);
    else console.log('\nRedis is not installed: its rows are left out');
  } finally {
    await redis?.close();
  }
}

async function measure(name, jobs, redisUrl) {
  const postgres = await openDatabase();
  const app = await openApp(postgres.url, redisUrl, false);
  const database = app.get(Database);
  for (const statement of TABLES.split(';')) await database.query(statement);
  const fleet = new Fleet({ ...process.env, DATABASE_URL: postgres.url, REDIS_URL: redisUrl ?? '', BENCH_WORKER: '1' });
  const began = performance.now();
  try {
    await fleet.open();
    const killing = fleet.killUntilOver();
    await ringAll(app, jobs);
    const left = async () => (await database.query('SELECT count(*)::int AS n FROM bench_items WHERE NOT done'))[0].n;
    // the last tenth is finished in peace, or the last few would die with one worker after the other
    await until(async () => (await sleep(200), (await left()) < jobs / 10), PATIENCE_MS);
    fleet.isOver = true;
    await killing;
    await until(async () => (await sleep(200), (await left()) === 0), 60_000).catch(() => undefined);
    const [{ lost, doubled, repeated }] = await database.query(OUTCOME);
    const table = new Table(`${jobs} jobs on ${name}, ${fleet.kills} workers killed on the way`);
    table.row('jobs lost', lost, '', 0);
    table.row('effects doubled', doubled, '', 0);
    table.row('jobs begun once more', repeated, '');
    table.row('from the first to the last', (performance.now() - began) / 1_000, 's');
    table.finish();
  } finally {
    fleet.close();
    await app.close();
    await postgres.close();
  }
}

/** Rings each job in the transaction that writes its row. */
async function ringAll(app, jobs) {
  let left = jobs;
  const ringing = async () => {
    while (left > 0) {
      left -= 1;
      const id = randomUUID();
      await app.get(Database).transaction(async (tx) => {
        await tx.query('INSERT INTO bench_items (id) VALUES ($1)', [id]);
        await app.get(JobRinger).ring(tx, WORK, { id });
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ringing));
}

function openApp(databaseUrl, redisUrl, handles) {
  const config = loadConfig({
    NODE_ENV: 'test',
    DATABASE_URL: databaseUrl,
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
