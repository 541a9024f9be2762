import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runningServer, startPostgres, stopPostgres } from '../../../scripts/lib/postgres.mjs';
import { isAlive } from '../../../scripts/lib/processes.mjs';

const PREFIX = 'rookery-test-';

/** Starts one Postgres for the whole jest run; suites clone their databases from a template made on first use. */
export default async function setup() {
  await removeLeftovers();
  const dir = fs.mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const server = await startPostgres({
    dir,
    root: resolve(import.meta.dirname, '../../..'),
    durable: false,
    settings: { max_connections: 300, shared_buffers: '128MB', max_wal_size: '4GB', autovacuum_naptime: '10s' },
  });
  process.env.ROOKERY_TEST_DATABASE_URL = server.url;
  process.env.ROOKERY_TEST_RUN = randomBytes(4).toString('hex');
  globalThis.rookeryTestServer = { pid: server.pid, dir };
}

/** Clusters of runs that were killed. */
async function removeLeftovers() {
  for (const name of fs.readdirSync(tmpdir())) {
    const run = new RegExp(`^${PREFIX}(\\d+)-`).exec(name);
    if (!run || isAlive(Number(run[1]))) continue;
    const dir = join(tmpdir(), name);
    const pid = runningServer(join(dir, 'data'));
    try {
      if (pid !== undefined) await stopPostgres(pid);
      fs.rmSync(dir, { recursive: true, force: true });
    } catch (error) {
      if (!['EPERM', 'EACCES'].includes(error.code)) throw error;
    }
  }
}
