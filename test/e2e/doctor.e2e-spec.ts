import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestDatabase, freePort, testDatabase } from '#libs/testing';
import { newDataDir } from './rookery.js';

/** A clock that goes five minutes ahead. */
const AHEAD = '--import=data:text/javascript,const%20now=Date.now;Date.now=()=>now()+300000';

describe('npm run doctor', () => {
  let dataDir: string;
  let db: TestDatabase;

  beforeAll(async () => {
    dataDir = newDataDir();
    db = await testDatabase();
  });
  afterAll(async () => {
    rmSync(dataDir, { recursive: true, force: true });
    await db.close();
  });

  const doctor = async (environment: Record<string, string> = {}): Promise<{ code: number | null; output: string }> => {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, DATA_DIR: dataDir, PORT: String(await freePort()) };
    const args = ['--no-warnings', 'scripts/rookery.mjs', 'doctor'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      env: { ...env, ...environment },
      encoding: 'utf8',
    });
    return { code: status, output: stdout + stderr };
  };

  it('finds nothing to mend where Rookery can run', async () => {
    const { code, output } = await doctor({ DATABASE_URL: db.url });
    expect(output).toMatch(/✓ database: Postgres \d+/);
    expect(output).toContain('Rookery can run here.');
    expect(output).not.toContain('✗');
    expect(code).toBe(0);
  });

  it('names everything that is wrong at once, each with what to do', async () => {
    const port = await freePort();
    const { code, output } = await doctor({
      DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/x`,
      REDIS_URL: `redis://127.0.0.1:${port}`,
    });
    expect(code).toBe(1);
    expect(output).toMatch(/✗ database: .*ECONNREFUSED.*\n.*Check DATABASE_URL/);
    expect(output).toMatch(/✗ Redis: ECONNREFUSED\n.*Check REDIS_URL/);
    expect(output).toContain('2 to mend before Rookery can run here.');
  });

  it('finds a full disk and a folder of a newer layout', async () => {
    const full = await doctor({ DATA_DIR: '/proc/rookery' });
    expect(full).toMatchObject({
      code: 1,
      output: expect.stringMatching(/✗ disk space: 0\.0 GB free\n.*Free some space/),
    });
    writeFileSync(join(dataDir, 'VERSION'), '2\n');
    const newer = await doctor();
    writeFileSync(join(dataDir, 'VERSION'), '1\n');
    expect(newer).toMatchObject({ code: 1, output: expect.stringMatching(/✗ data folder: .*layout 2.*\n.*version/) });
  });

  it('warns of a clock that is five minutes off', async () => {
    const { code, output } = await doctor({ DATABASE_URL: db.url, NODE_OPTIONS: AHEAD });
    expect(output).toMatch(/! database: .*its clock (299|300|301)\.\d s off ours\n.*Set the clock/);
    expect(code).toBe(0);
  });
});
