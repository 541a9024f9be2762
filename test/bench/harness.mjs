// What the measurements share: a Postgres and a Redis of their own, quantiles, and a table that says what was missed.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres, stopPostgres } from '../../scripts/lib/postgres.mjs';

const ROOT = join(import.meta.dirname, '..', '..');

/** The value below which the share `q` of the numbers lies. */
export function quantile(numbers, q) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

/** Repeats `check` until it is true. */
export async function until(check, timeoutMs = 20_000) {
  const end = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`Still not so after ${timeoutMs} ms`);
    await sleep(2);
  }
}

/** A migrated database in a cluster of its own, which can be restarted. */
export async function openDatabase() {
  if (!existsSync(join(ROOT, 'dist', 'libs'))) throw new Error('dist/libs is missing: npm run build');
  const { openDataSource, migrate } = await import('#libs/database');
  const { migrateQueue } = await import('#libs/queue');
  const dir = await mkdtemp(join(tmpdir(), 'rookery-bench-'));
  const settings = { max_connections: 200 };
  let server = await startPostgres({ dir, root: ROOT, settings });
  const dataSource = await openDataSource(server.url);
  await migrate(dataSource);
  await dataSource.destroy();
  await migrateQueue(server.url);
  return {
    url: server.url,
    dir,
    stop: () => stopPostgres(server.pid),
    start: async () => {
      server = await startPostgres({ dir, root: ROOT, settings });
    },
    close: async () => {
      await stopPostgres(server.pid);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A Redis of its own, or undefined where none is installed. */
export async function openRedis() {
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined;
  const port = await freePort();
  const server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', ''], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  for await (const chunk of server.stdout) if (String(chunk).includes('Ready to accept')) break;
  return {
    url: `redis://127.0.0.1:${port}`,
    close: async () => {
      server.kill('SIGKILL');
      await once(server, 'exit');
    },
  };
}

/** A TCP port on 127.0.0.1 that nobody uses just now. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Rows of a table, printed as they come; `finish` sets the exit code. */
export class Table {
  #missed = [];

  constructor(title) {
    console.log(`\n${title}`);
  }

  /** One figure. With `most` it is a target, and a figure above it is a miss. */
  row(name, value, unit, most) {
    const verdict = most === undefined ? '' : value <= most ? `(target <= ${most})` : `(MISSED, target <= ${most})`;
    console.log(`  ${name.padEnd(52)} ${value.toFixed(2).padStart(10)} ${unit.padEnd(6)} ${verdict}`);
    if (most !== undefined && !(value <= most)) this.#missed.push(name);
  }

  /** p50 and p99 of a set of times in ms. */
  times(name, numbers, most = {}) {
    this.row(`${name}, p50`, quantile(numbers, 0.5), 'ms', most.p50);
    this.row(`${name}, p99`, quantile(numbers, 0.99), 'ms', most.p99);
  }

  finish() {
    if (this.#missed.length > 0) process.exitCode = 1;
  }
}
