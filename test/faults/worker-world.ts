import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Client } from 'pg';
import { type Agent, AgentLogsService, AgentsModule, AgentsService } from '#libs/agents';
import { ConfigModule } from '#libs/config';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { LoggerModule, Metrics, silentLogger } from '#libs/observability';
import { QueueModule, migrateQueue } from '#libs/queue';
import { type TestOrganisation, eventually, freePort, testDatabase, testOrganisation } from '#libs/testing';
import {
  type AgentProcess,
  PROGRAMS,
  type StartedProgram,
  agentProcesses,
  killIfAlive,
  startProgram,
} from './programs.js';

export { type AgentProcess, killIfAlive };
export type WorkerProcess = StartedProgram;

const BUNDLE = join(process.cwd(), 'dist/agent/main.js');

/** The one worker of a world that a suite kills and starts again. */
export interface KilledWorker {
  /** The worker that runs now. */
  readonly process: WorkerProcess;
  /** Starts the first, or one with another environment than those before and after it. */
  start(more?: Record<string, string>): Promise<void>;
  /** kill -9, then another. */
  replace(): Promise<void>;
  /** Gives the command, lets `delayMs` pass, and replaces the worker in that moment. */
  replaceAfter(delayMs: number, command: () => Promise<unknown>): Promise<void>;
  /** An agent that runs. */
  running(): Promise<Agent>;
}

/** A worker of this world with that environment. */
export async function killedWorker(
  world: WorkerWorld,
  environment: Record<string, string> = {},
): Promise<KilledWorker> {
  let worker = await world.startWorker(environment);
  const replace = async (): Promise<void> => {
    await worker.end('SIGKILL');
    worker = await world.startWorker(environment);
  };
  return {
    get process() {
      return worker;
    },
    start: async (more = {}) => {
      worker = await world.startWorker({ ...environment, ...more });
    },
    replace,
    replaceAfter: async (delayMs, command) => {
      await command();
      await sleep(delayMs);
      await replace();
    },
    running: async () => {
      const agent = await world.create();
      await world.reaches(agent.id, 'running');
      return agent;
    },
  };
}

/** One database, one data folder, an API side in this process, and real workers with real agent processes. */
export interface WorkerWorld {
  readonly agents: AgentsService;
  readonly logs: AgentLogsService;
  readonly org: TestOrganisation;
  readonly dataDir: string;
  /** What programs of this world are started with. */
  readonly environment: Readonly<Record<string, string>>;
  startWorker(environment?: Record<string, string>): Promise<WorkerProcess>;
  /** Another organisation than `org`. */
  organisation(): Promise<TestOrganisation>;
  create(name?: string): Promise<Agent>;
  /** Waits until the agent has that status; the error says what it has instead. */
  reaches(agentId: string, status: Agent['status'] | 'gone', timeoutMs?: number): Promise<void>;
  /** All living agent processes of this world, found in /proc, whoever started them. */
  processes(agentId?: string): AgentProcess[];
  query<Row>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Ends every connection to the database but one's own, as a restart of Postgres does. */
  dropConnections(): Promise<void>;
  close(): Promise<void>;
}

/** @param images - that agents may be updated to. */
export async function workerWorld({ images = [] }: { images?: readonly string[] } = {}): Promise<WorkerWorld> {
  if (!existsSync(PROGRAMS.worker) || !existsSync(BUNDLE))
    throw new Error('Run "npm run build" first: dist/ is not complete');
  const db = await testDatabase();
  await migrateQueue(db.url);
  const dataDir = mkdtempSync(join(tmpdir(), 'rookery-faults-'));
  chmodSync(dataDir, 0o711);
  const programs: Record<string, string> = {
    NODE_ENV: 'test',
    JWT_SECRET: 'jwt-secret-for-tests-0123456789abcdef',
    MASTER_KEY: 'master-key-for-tests-0123456789abcde',
    EDGE_RELAY_PORT: String(await freePort()),
    EDGE_AGENT_PORT: String(await freePort()),
    DATABASE_URL: db.url,
    DATA_DIR: dataDir,
  };
  const org = await testOrganisation(db.database);
  const app = await apiSide(db.config({ agent: { images: [...images] } }));
  const agents = app.get(AgentsService);
  const workers: WorkerProcess[] = [];
  const processes = (agentId?: string): AgentProcess[] => agentProcesses(dataDir, agentId);
  return {
    agents,
    logs: app.get(AgentLogsService),
    org,
    dataDir,
    environment: programs,
    processes,
    startWorker: async (environment = {}) => {
      const worker = await spawnWorker({ ...programs, ...environment });
      workers.push(worker);
      return worker;
    },
    organisation: () => testOrganisation(db.database),
    create: (name = 'Ada') => agents.create(org.caller, { name, secrets: {}, config: { llmProvider: 'demo' } }),
    reaches: (agentId, status, timeoutMs = 15_000) => reached(db.database, agentId, status, timeoutMs),
    query: (text, values) => db.database.query(text, values),
    dropConnections: () => dropConnections(db.url),
    close: async () => {
      for (const { child } of workers) if (child.exitCode === null) child.kill('SIGKILL');
      for (const { pid } of processes()) killIfAlive(pid);
      await app.close();
      await db.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function apiSide(config: Parameters<typeof ConfigModule.forRoot>[0]): Promise<INestApplicationContext> {
  const root = {
    module: class ApiSide {},
    imports: [
      ConfigModule.forRoot(config),
      LoggerModule.forRoot(silentLogger(), new Metrics({ process: false })),
      DatabaseModule.forRoot(),
      EventsModule.forRoot(),
      QueueModule.forProducer(),
      AgentsModule,
    ],
  };
  return NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
}

async function spawnWorker(environment: Record<string, string>): Promise<WorkerProcess> {
  const here = { ROLE: 'host', RUNTIME: 'process', HOST_ID: 'test-host' };
  const worker = startProgram(PROGRAMS.worker, { ...here, ...environment });
  await worker.ready;
  return worker;
}

type Queries = { query<Row>(text: string, values?: unknown[]): Promise<Row[]> };

async function reached(db: Queries, agentId: string, status: string, timeoutMs: number): Promise<void> {
  const wanted = status === 'gone' ? 'deleted' : status;
  await eventually(
    async () => {
      const [row] = await db.query<{ status: string; last_error: string | null }>(
        'SELECT status, last_error FROM agents WHERE id = $1',
        [agentId],
      );
      if (row?.status === wanted) return true;
      throw new Error(`Agent ${agentId} is ${row?.status} (${row?.last_error}), not ${wanted}`);
    },
    { timeoutMs, intervalMs: 50 },
  );
}

async function dropConnections(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  await client.end();
}
