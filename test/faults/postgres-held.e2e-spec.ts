import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

interface Postgres {
  startPostgres(options: { dir: string; root: string; durable: boolean }): Promise<{ url: string; pid: number }>;
  stopPostgres(pid: number): Promise<void>;
}

const BUSY = 'SELECT count(*) FROM generate_series(1, 8000000)';

describe('a Postgres that was killed while it was at work', () => {
  const dir = mkdtempSync(join(tmpdir(), 'rookery-held-'));
  let postgres: Postgres;

  beforeAll(async () => {
    postgres = (await import(join(process.cwd(), 'scripts/lib/postgres.mjs'))) as Postgres;
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('starts again as soon as what it left has let go of its memory', async () => {
    const options = { dir, root: process.cwd(), durable: false };
    const first = await postgres.startPostgres(options);
    const client = new pg.Client({ connectionString: first.url });
    client.on('error', () => undefined);
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const work = client.query(BUSY).catch(() => undefined);
    process.kill(first.pid, 'SIGKILL');
    expect(() => process.kill(rows[0]?.pid ?? 0, 0)).not.toThrow();
    const second = await postgres.startPostgres(options);
    expect(second.pid).not.toBe(first.pid);
    await work;
    await client.end().catch(() => undefined);
    await postgres.stopPostgres(second.pid);
  }, 90_000);
});
