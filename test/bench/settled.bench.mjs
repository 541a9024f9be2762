// A host whose agents are where they should be: how long a round of the sweep and one of the watcher take, and how many queries, for a
// thousand agents and for ten times as many. The worker's own modules in this process, on the runtime in memory.
// Run after the build: node test/bench/settled.bench.mjs [agents=10000]
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import pg from 'pg';
import { AgentReconciler, AgentWatcher, AgentsModule, AgentsWorkerModule, HostAgents } from '#libs/agents';
import { ConfigModule, loadConfig } from '#libs/config';
import { CONTAINER_RUNTIME, FakeRuntime } from '#libs/containers';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { LoggerModule, silentLogger } from '#libs/observability';
import { QueueModule } from '#libs/queue';
import { StorageModule } from '#libs/storage';
import { Table, openDatabase, quantile } from './harness.mjs';

const AGENTS = Number(process.argv[2] ?? 10_000);
const ROUNDS = 20;
const MOST_MS = 1_000;

let queries = 0;
const { query } = pg.Client.prototype;
pg.Client.prototype.query = function counted(...given) {
  queries += 1;
  return query.apply(this, given);
};

const table = new Table(`Rounds over agents that are where they should be, ${ROUNDS} of each`);
const few = await measure(Math.round(AGENTS / 10));
const many = await measure(AGENTS);
table.row('more queries for ten times as many, sweep', many.sweep.queries - few.sweep.queries, '', 0);
table.row('more queries for ten times as many, watch', many.watch.queries - few.watch.queries, '', 0);
table.finish();

async function measure(agents) {
  const postgres = await openDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'rookery-bench-settled-'));
  const runtime = new FakeRuntime();
  const settings = { HOST_ID: 'bench-host', RUNTIME: 'fake', HOST_CAPACITY: String(agents) };
  const secrets = { JWT_SECRET: 'b'.repeat(40), MASTER_KEY: 'm'.repeat(40) };
  const config = loadConfig({ DATABASE_URL: postgres.url, DATA_DIR: dataDir, ...settings, ...secrets });
  const app = await program(config, runtime);
  try {
    await app.get(HostAgents).open(new AbortController().signal);
    await insertAgents(runtime, postgres.url, agents);
    const [reconciler, watcher] = [app.get(AgentReconciler), app.get(AgentWatcher)];
    const sweep = await rounds(async () => {
      await reconciler.sweep();
      await reconciler.runner.idle();
    });
    const watch = await rounds(() => watcher.watch(new AbortController().signal));
    table.row(`${agents} agents, a round of the sweep, p50`, quantile(sweep.times, 0.5), 'ms', MOST_MS);
    table.row(`${agents} agents, queries of a sweep`, sweep.queries, '');
    table.row(`${agents} agents, a round of the watcher, p50`, quantile(watch.times, 0.5), 'ms', MOST_MS);
    table.row(`${agents} agents, queries of the watcher`, watch.queries, '');
    return { sweep, watch };
  } finally {
    await app.get(HostAgents).close(false);
    await app.close();
    await postgres.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** The fewest queries of a round are its own: in others the host said meanwhile that it lives. */
async function rounds(work) {
  await work();
  const [times, asked] = [[], []];
  for (let nr = 0; nr < ROUNDS; nr += 1) {
    const [started, before] = [performance.now(), queries];
    await work();
    times.push(performance.now() - started);
    asked.push(queries - before);
  }
  return { times, queries: Math.min(...asked) };
}

/** Instances on the host, and the rows that say they are what is wanted. */
async function insertAgents(runtime, url, agents) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const orgId = randomUUID();
  const signal = new AbortController().signal;
  await client.query(`INSERT INTO organisations (id, name, slug) VALUES ($1, 'Bench', 'bench')`, [orgId]);
  const states = [];
  for (let nr = 0; nr < agents; nr += 1) {
    const spec = { agentId: randomUUID(), orgId, epoch: 1, runtime: 'house', image: 'x', env: {}, files: [] };
    await runtime.ensure({ ...spec, memoryMb: 64, cpus: 1, pidsLimit: 64, stopTimeoutMs: 1_000 }, signal);
    states.push(await runtime.start(spec.agentId, signal));
  }
  await client.query(
    `INSERT INTO agents (id, org_id, name, region, image, status, host_id, epoch, instance_epoch,
                         endpoint, observed_generation, observed_restart_generation)
     SELECT t.id, $1, 'Agent', 'eu', 'x', 'running', 'bench-host', 1, 1, t.endpoint, 1, 1
       FROM unnest($2::uuid[], $3::text[]) AS t (id, endpoint)`,
    [orgId, states.map(({ agentId }) => agentId), states.map(({ endpoint }) => endpoint)],
  );
  await client.query('ANALYZE agents');
  await client.end();
}

async function program(config, runtime) {
  class Runtime {}
  Module({ providers: [{ provide: CONTAINER_RUNTIME, useValue: runtime }], exports: [CONTAINER_RUNTIME] })(Runtime);
  class Program {}
  Module({
    imports: [
      ConfigModule.forRoot(config),
      LoggerModule.forRoot(silentLogger()),
      DatabaseModule.forRoot(),
      EventsModule.forRoot(),
      QueueModule.forProducer(),
      { module: Runtime, global: true },
      StorageModule.forRoot(),
      AgentsModule,
      AgentsWorkerModule,
    ],
  })(Program);
  return NestFactory.createApplicationContext(Program, { logger: false, abortOnError: false });
}
