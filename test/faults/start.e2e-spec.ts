import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestDatabase, emptyDatabase, freePort, testDatabase } from '#libs/testing';

const PROGRAMS = [
  { name: 'API', file: 'api' },
  { name: 'worker', file: 'worker', ROLE: 'host' },
  { name: 'worker', file: 'worker', ROLE: 'control' },
  { name: 'worker', file: 'worker', ROLE: 'edge' },
] as const;

describe('API, workers and edge on a database that they cannot use', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rookery-start-'));
  let empty: Awaited<ReturnType<typeof emptyDatabase>>;
  let newer: TestDatabase;

  beforeAll(async () => {
    empty = await emptyDatabase();
    newer = await testDatabase();
    await newer.database.query(`INSERT INTO migrations (timestamp, name) VALUES (9999999999999, 'ContractOfTomorrow')`);
  });
  afterAll(async () => {
    await empty?.close();
    await newer?.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  /** What the program says on both its outputs until it ends, without the lines of the log below a complaint. */
  async function refusal(program: (typeof PROGRAMS)[number], databaseUrl: string): Promise<object> {
    const child = spawn(process.execPath, ['--no-warnings', `dist/apps/${program.file}/src/main.js`], {
      env: {
        PATH: process.env.PATH,
        NODE_ENV: 'test',
        DATABASE_URL: databaseUrl,
        DATA_DIR: dataDir,
        PORT: String(await freePort()),
        ...('ROLE' in program ? { ROLE: program.ROLE } : {}),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const output of [child.stdout, child.stderr]) output.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const late = setTimeout(() => child.kill('SIGKILL'), 50_000);
    const [code] = (await once(child, 'close')) as [number | null];
    clearTimeout(late);
    return { code, said };
  }

  const everyProgramSays = async (databaseUrl: string, complaint: string): Promise<void> => {
    const refusals = await Promise.all(PROGRAMS.map((program) => refusal(program, databaseUrl)));
    expect(refusals).toEqual(
      PROGRAMS.map(({ name }) => ({
        code: 1,
        said: expect.stringMatching(new RegExp(`^The ${name} could not start: ${complaint}\\n$`)),
      })),
    );
  };

  it('names the migrations that an empty one lacks', async () => {
    await everyProgramSays(
      empty.url,
      `The database's schema does not fit: not applied yet: migration \\w+ and \\d+ more; run "npm run migrate"`,
    );
  }, 60_000);

  it('names the migration by which a newer version took something away', async () => {
    await everyProgramSays(
      newer.url,
      `The database's schema does not fit: unknown to this version: migration ContractOfTomorrow; .*`,
    );
  }, 60_000);

  it('names the Postgres that does not answer, without its password', async () => {
    const port = await freePort();
    await everyProgramSays(
      `postgres://ann:hunter2@127.0.0.1:${port}/rookery`,
      `DATABASE_URL: Postgres at 127\\.0\\.0\\.1:${port} cannot be reached \\(ECONNREFUSED\\)`,
    );
  }, 60_000);
});
