import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
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

const PROGRAM = join(process.cwd(), 'dist/apps/worker/src/main.js');
const BUNDLE = join(process.cwd(), 'dist/agent/main.js');

/** A process of an agent of one world. */
export interface AgentProcess {
  readonly pid: number;
  readonly agentId: string;
}

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

export interface WorkerProcess {
  readonly child: ChildProcess;
  output(): string;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

export async function workerWorld(): Promise<WorkerWorld> {
  if (!existsSync(PROGRAM) || !existsSync(BUNDLE)) throw new Error('Run "npm run build" first: dist/ is not complete');
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
  const app = await apiSide(db.config());
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
  const child = spawn(process.execPath, ['--no-warnings', PROGRAM], {
    env: {
      PATH: process.env.PATH,
      ROLE: 'host',
      RUNTIME: 'process',
      HOST_ID: 'test-host',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ready = new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) => reject(new Error(`The worker ended with ${code}:\n${text}`)));
  });
  await ready;
  return {
    child,
    output: () => text,
    end: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
      return child.exitCode;
    },
  };
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

/** Linux only: the environment of each process says whose it is. */
function agentProcesses(dataDir: string, agentId?: string): AgentProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const environment = programs(name);
      const id = environment?.get('ROOKERY_AGENT_ID');
      const mine = id !== undefined && environment?.get('ROOKERY_WORKSPACE')?.startsWith(dataDir);
      return mine && (agentId === undefined || id === agentId) ? [{ pid: Number(name), agentId: id }] : [];
    });
}

function programs(pid: string): Map<string, string> | undefined {
  try {
    if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return undefined;
    const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
  } catch {
    return undefined;
  }
}

export function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended already
  }
}

async function dropConnections(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  await client.end();
}
