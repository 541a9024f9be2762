import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '#libs/testing';
import type { ApiFixture } from './api-fixture.js';

const WORKER = 'dist/apps/worker/src/main.js';

/** The compiled worker and edge beside an API of a suite, with real agent processes. */
export interface Fleet {
  /** Where the worker keeps its agents. */
  readonly dataDir: string;
  /** What worker and edge have printed so far. */
  output(): string;
  stop(): Promise<void>;
}

/**
 * Starts both on free ports and the suite's database. Agents are processes of the bundle in `dist/agent`.
 * @param more variables of both programs
 */
export async function startFleet(api: ApiFixture, more: Readonly<Record<string, string>> = {}): Promise<Fleet> {
  const [relayPort, agentPort] = [await freePort(), await freePort()];
  const dataDir = mkdtempSync(join(tmpdir(), 'rookery-fleet-'));
  // Under root agents run as users of their own, who have to get through.
  chmodSync(dataDir, 0o711);
  const environment = {
    PATH: process.env.PATH,
    NODE_ENV: 'test',
    LOG_LEVEL: 'error',
    HOST_ID: `host-${relayPort}`,
    RUNTIME: 'process',
    DATABASE_URL: api.db.url,
    DATA_DIR: dataDir,
    JWT_SECRET: api.config.security.jwtSecret,
    MASTER_KEY: api.config.security.masterKey,
    EDGE_RELAY_PORT: String(relayPort),
    EDGE_AGENT_PORT: String(agentPort),
    ROOKERY_STOP_AGENTS_ON_EXIT: '1',
    ...more,
  };
  const printed: string[] = [];
  const edge = await started({ ...environment, ROLE: 'edge' }, printed);
  const worker = await started({ ...environment, ROLE: 'host' }, printed).catch(async (error: unknown) => {
    await ended(edge);
    throw error;
  });
  return {
    dataDir,
    output: () => printed.join(''),
    stop: async () => {
      await ended(worker);
      await ended(edge);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function started(env: NodeJS.ProcessEnv, printed: string[]): Promise<ChildProcess> {
  const child = fork(WORKER, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], execArgv: [] });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (bytes: Buffer) => {
      printed.push(bytes.toString('utf8'));
      if (env.LOG_LEVEL === 'error') process.stderr.write(bytes);
    });
  }
  const died = once(child, 'exit').then(([code]) =>
    Promise.reject(new Error(`${env.ROLE} ended with ${String(code)}: ${printed.join('').slice(-2000)}`)),
  );
  await Promise.race([once(child, 'message'), died]);
  died.catch(() => undefined);
  return child;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
