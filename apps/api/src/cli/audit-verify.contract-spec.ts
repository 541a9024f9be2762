import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import { AuditLog, AuditModule, AuditUpkeep, AuditUpkeepModule, done } from '#libs/audit';
import { ConfigModule } from '#libs/config';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { newId } from '#libs/kernel';
import { LoggerModule, silentLogger } from '#libs/observability';
import { type TestDatabase, testDatabase } from '#libs/testing';

describe('the compiled audit:verify', () => {
  const scope = { orgId: newId() };
  let test: TestDatabase;
  let worker: TestingModule;

  const openWorker = async (): Promise<TestingModule> => {
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.forRoot(test.config()),
        LoggerModule.forRoot(silentLogger()),
        DatabaseModule.forRoot(),
        EventsModule.forRoot(),
        AuditModule,
        AuditUpkeepModule,
      ],
    }).compile();
    return module.init();
  };

  beforeAll(async () => {
    test = await testDatabase();
    worker = await openWorker();
    for (let index = 0; index < 5; index += 1) {
      await worker.get(AuditLog).record(scope, done({ subject: 'user:1' }, 'agent.start', `agent:${index}`));
    }
    await worker.get(AuditUpkeep).seal();
    await worker.get(AuditUpkeep).checkpoint(new AbortController().signal);
  });
  afterAll(async () => {
    await worker?.close();
    await test.close();
  });

  const run = (program: string, args: string[], env: Record<string, string> = installation()) =>
    promisify(execFile)(process.execPath, ['--no-warnings', `dist/apps/api/src/cli/${program}.js`, ...args], {
      env,
    }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  const installation = (): Record<string, string> => {
    const { masterKey, jwtSecret } = test.config().security;
    return { DATABASE_URL: test.url, DATA_DIR: test.dataDir, MASTER_KEY: masterKey, JWT_SECRET: jwtSecret };
  };

  it('ends with 0 while the chain holds, and with 1 naming the first broken row, from the database and an export', async () => {
    const { dir } = test.config().audit;
    const file = join(test.dataDir, 'export.jsonl');
    const whole = await run('audit-verify', []);
    expect([whole.code, JSON.parse(whole.stdout)]).toEqual([
      0,
      expect.objectContaining({ ok: true, rows: 5, checkpoints: 1 }),
    ]);
    await test.database.transaction(async (tx) => {
      await tx.query(`SET LOCAL session_replication_role = 'replica'`);
      await tx.query('DELETE FROM audit_events WHERE seq > 3');
      await tx.query('UPDATE audit_heads SET seq = 3, hash = (SELECT hash FROM audit_events WHERE seq = 3)');
    });
    const cut = await run('audit-verify', ['--org', scope.orgId]);
    const complaint = `Organisation ${scope.orgId}, row 4: rows 4 to 5 are missing`;
    expect([cut.code, cut.stderr.trim()]).toEqual([1, complaint]);
    expect(await run('audit-export', ['--out', file])).toMatchObject({ code: 0, stdout: `${file}\n` });
    const key = readdirSync(dir).find((name) => name.endsWith('.pem'))!;
    const elsewhere = ['--export', file, '--checkpoints', dir, '--public-key', join(dir, key)];
    expect(await run('audit-verify', elsewhere, {})).toMatchObject({ code: 1, stderr: `${complaint}\n` });
  });

  it('says what it was not given', async () => {
    expect(await run('audit-verify', ['--org', 'x'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--org'),
    });
    expect(await run('audit-export', [])).toMatchObject({ code: 1, stderr: expect.stringContaining('--out') });
    expect(await run('audit-verify', [], {})).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('DATABASE_URL'),
    });
  });
});
