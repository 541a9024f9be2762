import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Pool } from 'pg';
import {
  OUTLIVES_KILLS,
  type TestCluster,
  type TestRedis,
  eventually,
  freePort,
  startRedis,
  testCluster,
} from '#libs/testing';
import { PROGRAMS, agentProcesses, killIfAlive } from '../programs.js';
import type { Door } from './client.js';
import type { Fault, Schedule } from './schedule.js';
import { makeImages } from './images.js';
import { Supervised } from './supervised.js';

const HEALED_WITHIN_MS = 60_000;
const run = promisify(execFile);

/** A whole Rookery: real API, worker, edge and agents, a Postgres and, for half of the seeds, a Redis of its own. */
export class World {
  readonly pool: Pool;
  private readonly programs: Readonly<Record<'api' | 'worker' | 'edge', Supervised>>;

  private constructor(
    readonly door: Door,
    readonly environment: Readonly<Record<string, string>>,
    private readonly cluster: TestCluster,
    private readonly redis: TestRedis | undefined,
  ) {
    this.pool = new Pool({ connectionString: cluster.url, max: 2 });
    this.pool.on('error', () => undefined);
    this.programs = {
      worker: new Supervised(PROGRAMS.worker, { ...environment, ROLE: 'host' }),
      edge: new Supervised(PROGRAMS.worker, { ...environment, ROLE: 'edge' }),
      api: new Supervised(PROGRAMS.api, environment),
    };
  }

  static async open(queue: Schedule['queue']): Promise<World> {
    const cluster = await testCluster(OUTLIVES_KILLS);
    const redis = queue === 'redis' ? await startRedis() : undefined;
    const dataDir = mkdtempSync(join(tmpdir(), 'rookery-history-'));
    chmodSync(dataDir, 0o711);
    const images = makeImages(join(dataDir, 'images'));
    const port = await freePort();
    const environment = {
      NODE_ENV: 'test',
      JWT_SECRET: 'jwt-secret-for-tests-0123456789abcdef',
      MASTER_KEY: 'master-key-for-tests-0123456789abcde',
      HOST_ID: 'history-host',
      HOST_CAPACITY: '100',
      RUNTIME: 'process',
      AGENT_IMAGE: images.usual,
      AGENT_IMAGES: [images.next, images.broken, images.absent].join(','),
      AGENT_UPDATE_SETTLE_SECONDS: '1',
      NODE_COMPILE_CACHE: join(dataDir, 'cache'),
      RATE_LIMIT_PER_MINUTE: '1000000',
      PORT: String(port),
      EDGE_RELAY_PORT: String(await freePort()),
      EDGE_AGENT_PORT: String(await freePort()),
      DATABASE_URL: cluster.url,
      DATA_DIR: dataDir,
      ...(redis ? { REDIS_URL: redis.url } : {}),
    };
    await runToEnd(PROGRAMS.migrate, [], environment);
    const admin = JSON.parse(await runToEnd(PROGRAMS.adminCreate, ['--first', '--json'], environment)) as {
      apiKey: string;
    };
    const door = { url: `http://127.0.0.1:${port}`, apiKey: admin.apiKey, images };
    const world = new World(door, environment, cluster, redis);
    await world.isUp();
    return world;
  }

  get dataDir(): string {
    return this.environment.DATA_DIR as string;
  }

  /** Breaks something and, but for agents, lets it come back. @returns false when there was nothing to break. */
  async suffer(fault: Fault, agentOf: (slot: number) => string | undefined): Promise<boolean> {
    switch (fault.victim) {
      case 'api':
      case 'worker':
      case 'edge':
        return this.programs[fault.victim][fault.how](fault.downMs);
      case 'postgres':
        await this.cluster.kill(fault.signal);
        await sleep(fault.downMs);
        await this.cluster.start();
        return true;
      case 'redis':
        if (fault.how === 'flush') await this.redis?.flush();
        else {
          await this.redis?.kill();
          await sleep(fault.downMs);
          await this.redis?.start();
        }
        return true;
      case 'agent': {
        const agentId = agentOf(fault.slot);
        const processes = agentId === undefined ? [] : agentProcesses(this.dataDir, agentId);
        for (const { pid } of processes) killIfAlive(pid);
        return processes.length > 0;
      }
    }
  }

  /** Waits until everything runs. */
  async isUp(): Promise<void> {
    await eventually(
      async () => {
        const down = Object.entries(this.programs).filter(([, { isUp }]) => !isUp);
        if (down.length > 0)
          throw new Error(`Not up: ${down.map(([name]) => name).join(', ')}\n${this.output().slice(-5_000)}`);
        return (await fetch(`${this.door.url}/readyz`)).status === 200;
      },
      { timeoutMs: HEALED_WITHIN_MS, intervalMs: 50 },
    );
  }

  /** Another worker in the place of the present one: a start signs the audit log, which may not have been done yet. */
  async renewWorker(): Promise<void> {
    await this.programs.worker.kill(0);
    await this.isUp();
  }

  /** What `npm run audit:verify` complains about. */
  async auditProblems(): Promise<string[]> {
    let problems: string[] = [];
    await eventually(async () => (problems = await this.audit()).length === 0).catch(() => undefined);
    return problems;
  }

  private audit(): Promise<string[]> {
    return runToEnd(PROGRAMS.auditVerify, [], this.environment).then(
      () => [],
      (error: { stderr?: string; message: string }) => [error.stderr?.trim() || error.message],
    );
  }

  output(): string {
    return Object.entries(this.programs)
      .map(([name, { output }]) => `==== ${name}\n${output}`)
      .join('\n');
  }

  async close(): Promise<void> {
    await this.pool.end();
    await Promise.all(Object.values(this.programs).map((program) => program.stop('SIGKILL')));
    for (const { pid } of agentProcesses(this.dataDir)) killIfAlive(pid);
    await this.redis?.stop();
    await this.cluster.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

async function runToEnd(
  program: string,
  args: string[],
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const env = { PATH: process.env.PATH, ...environment };
  return (await run(process.execPath, ['--no-warnings', program, ...args], { env })).stdout;
}
