// From a create to a running agent in the process runtime, beside the same program spawned by hand; log lines a second.
// Run after the build: node test/bench/agents.bench.mjs [agents=30]
import 'reflect-metadata';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { AgentsModule, AgentsService, LogPartitions } from '#libs/agents';
import { ConfigModule, loadConfig } from '#libs/config';
import { Database, DatabaseModule } from '#libs/database';
import { EventsModule, Notices } from '#libs/events';
import { SCOPES } from '#libs/kernel';
import { LoggerModule, Metrics, silentLogger } from '#libs/observability';
import { QueueModule } from '#libs/queue';
import { LogStore } from '../../dist/libs/agents/src/logs/log-store.js';
import { LogWriter } from '../../dist/libs/agents/src/logs/log-writer.js';
import { Table, openDatabase, until } from './harness.mjs';

const ROOT = join(import.meta.dirname, '..', '..');
const AGENTS = Number(process.argv[2] ?? 30);
const CREATE_P50_MS = 800;
const LINES_PER_SECOND = 50_000;
const LINE_SECONDS = 6;
const SPEAKERS = 20;

const database = await openDatabase();
const dataDir = await mkdtemp(join(tmpdir(), 'rookery-bench-agents-'));
await chmod(dataDir, 0o711);
const environment = {
  NODE_ENV: 'test',
  LOG_LEVEL: 'silent',
  DATABASE_URL: database.url,
  DATA_DIR: dataDir,
  HOST_ID: 'bench-host',
  EDGE_RELAY_PORT: String(await freePort()),
  EDGE_AGENT_PORT: String(await freePort()),
  ROOKERY_STOP_AGENTS_ON_EXIT: '1',
};
const config = loadConfig(environment);
const app = await openApi();
let worker;
try {
  const caller = await openOrganisation(app.get(Database));
  worker = await startWorker();
  await measureCreation(caller);
  await measureLines(caller);
} finally {
  if (worker) await ended(worker);
  await app.close();
  await database.close();
  await rm(dataDir, { recursive: true, force: true });
}

function openApi() {
  const imports = [
    ConfigModule.forRoot(config),
    LoggerModule.forRoot(silentLogger(), new Metrics({ process: false })),
    DatabaseModule.forRoot(),
    EventsModule.forRoot(),
    QueueModule.forProducer(),
    AgentsModule,
  ];
  return NestFactory.createApplicationContext({ module: class Bench {}, imports }, { logger: false });
}

async function openOrganisation(db) {
  const [orgId, userId] = [randomUUID(), randomUUID()];
  await db.query(`INSERT INTO organisations (id, name, slug) VALUES ($1, 'Bench', 'bench')`, [orgId]);
  await db.query(`INSERT INTO users (id, email, full_name) VALUES ($1, 'bench@example.test', 'Bench')`, [userId]);
  return {
    kind: 'user',
    subject: `user:${userId}`,
    orgId,
    userId,
    role: 'OWNER',
    scopes: SCOPES,
    isPlatformAdmin: false,
  };
}

async function startWorker() {
  const child = spawn(process.execPath, ['--no-warnings', join(ROOT, 'dist/apps/worker/src/main.js')], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [first] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  if (first !== 'ready') throw new Error('The worker did not start');
  return child;
}

async function ended(child) {
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

async function measureCreation(caller) {
  const table = new Table(
    `Create to running, one after the other, ${AGENTS} agents, process runtime, queue on Postgres`,
  );
  const agents = app.get(AgentsService);
  const settings = { timeoutMs: 20_000, signal: new AbortController().signal };
  const create = async (name) => {
    const started = performance.now();
    const { id } = await agents.create(caller, { name, secrets: {}, config: { llmProvider: 'demo' } });
    const committed = performance.now();
    const { status } = await agents.settle(caller, id, settings);
    if (status !== 'running') throw new Error(`Agent ${id} is ${status}`);
    return { answerMs: committed - started, runningMs: performance.now() - started };
  };
  await create('warm-up');
  const raw = [];
  const times = [];
  for (let nr = 0; nr < AGENTS; nr++) {
    raw.push(await rawStart());
    times.push(await create(`agent ${nr}`));
  }
  const runningMs = times.map((time) => time.runningMs);
  table.times('program spawned by hand, to 200 of /readyz', raw);
  table.times(
    'create returns',
    times.map((time) => time.answerMs),
  );
  table.times('create to running', runningMs, { p50: CREATE_P50_MS });
  table.row('create to running / spawned by hand, p50', median(runningMs) / median(raw), 'x');
  table.finish();
}

/** The same program with nothing around it. */
async function rawStart() {
  const port = await freePort();
  const workspace = await mkdtemp(join(dataDir, 'raw-'));
  const started = performance.now();
  const child = spawn(process.execPath, ['--v8-pool-size=1', join(ROOT, 'dist/agent/main.js')], {
    env: {
      ROOKERY_AGENT_ID: randomUUID(),
      ROOKERY_AGENT_NAME: 'raw',
      ROOKERY_BIND: '127.0.0.1',
      ROOKERY_PORT: String(port),
      ROOKERY_WORKSPACE: workspace,
      ROOKERY_GATEWAY_TOKEN: 'bench',
      ROOKERY_INSTANCE_NONCE: 'bench',
      ROOKERY_LLM_PROVIDER: 'demo',
      ROOKERY_LLM_BASE_URL: 'http://127.0.0.1:9/llm/demo',
      ROOKERY_LLM_TOKEN: 'bench',
      ROOKERY_MODEL: 'demo',
    },
    stdio: 'ignore',
  });
  await until(() =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    ),
  );
  const took = performance.now() - started;
  await ended(child);
  return took;
}

async function measureLines(caller) {
  const table = new Table(
    `Log lines of ${SPEAKERS} agents into the table for ${LINE_SECONDS} s, a day dropped every second`,
  );
  const db = app.get(Database);
  const { items } = await app.get(AgentsService).list(caller);
  const speakers = items.slice(0, SPEAKERS).map(({ id }) => id);
  const partitions = new LogPartitions(db, config);
  const writer = new LogWriter(new LogStore(db), partitions, app.get(Notices), silentLogger());
  await partitions.maintain();
  const before = await lineCount(db);
  const end = performance.now() + LINE_SECONDS * 1000;
  const started = performance.now();
  const days = dropOldDays(db, partitions, end);
  await Promise.all(speakers.map((agentId) => speak(writer, agentId, end)));
  await writer.drained();
  const seconds = (performance.now() - started) / 1000;
  const dropped = await days;
  const stored = (await lineCount(db)) - before;
  const perSecond = stored / seconds;
  table.row('lines stored', stored, '');
  table.row('days dropped meanwhile', dropped, '');
  table.row('lines per second', perSecond, '/s');
  table.row(`${LINES_PER_SECOND} / lines per second`, LINES_PER_SECOND / perSecond, 'x', 1);
  table.finish();
}

async function speak(writer, agentId, end) {
  for (let nr = 1; performance.now() < end; nr++) {
    const at = new Date();
    const text = `${at.toISOString()} [info] request ${nr} answered in 12 ms by the model, 312 tokens in, 97 tokens out`;
    await writer.append([{ agentId, source: 'bench', at, text, position: nr }]);
  }
}

/** Retention at work: an old day appears, full, and has to go, while lines come in. */
async function dropOldDays(db, partitions, end) {
  let dropped = 0;
  for (let age = 20; performance.now() < end; age++) {
    const day = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000 - age * 86_400_000);
    const name = `log_lines_${day.toISOString().slice(0, 10).replaceAll('-', '')}`;
    const next = new Date(day.getTime() + 86_400_000);
    await db.query(
      `CREATE TABLE ${name} PARTITION OF log_lines FOR VALUES FROM ('${day.toISOString()}') TO ('${next.toISOString()}')`,
    );
    await db.query(
      `INSERT INTO log_lines (agent_id, at, level, line)
       SELECT gen_random_uuid(), $1, 'info', 'a line of long ago' FROM generate_series(1, 20000)`,
      [day],
    );
    await partitions.maintain();
    dropped++;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  return dropped;
}

async function lineCount(db) {
  const [row] = await db.query(`SELECT count(*)::int AS lines FROM log_lines WHERE at > now() - interval '1 day'`);
  return row.lines;
}

function median(numbers) {
  return [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)];
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
