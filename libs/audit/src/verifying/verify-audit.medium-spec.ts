import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFileSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestingModule } from '@nestjs/testing';
import { Database } from '#libs/database';
import { type Scope, newId } from '#libs/kernel';
import { type TestDatabase, eventually, testDatabase } from '#libs/testing';
import { done } from '../audit-event.js';
import { AuditLog } from '../audit-log.js';
import { AuditUpkeep, auditKeyOf } from '../audit-upkeep.js';
import { PublicAuditKey } from '../checkpoints/audit-key.js';
import { GENESIS, nextPoint } from '../sealing/chain.js';
import { auditProcess, writeRows } from '../testing/audit-fixture.js';
import { type RowItem, exportedChains, storedChains } from './chain-items.js';
import { verifyAudit } from './verify-audit.js';

const NEVER = new AbortController().signal;

describe('the audit log, sealed and verified', () => {
  let test: TestDatabase;
  let worker: TestingModule;
  let second: TestingModule;
  let api: TestingModule;
  let scope: Scope;

  const sql = (text: string, values: unknown[] = []) => test.database.query<Record<string, string>>(text, values);
  const seal = () => worker.get(AuditUpkeep).seal();
  const checkpoint = () => worker.get(AuditUpkeep).checkpoint(NEVER);
  const keyOf = () => new PublicAuditKey(auditKeyOf(test.config()).publicPem);
  const verify = (orgId = scope.orgId) =>
    verifyAudit({
      chains: storedChains(test.database, orgId),
      checkpointsDir: test.config().audit.dir,
      verifiers: [keyOf()],
      orgId,
    });
  const firstBreak = async () => (await verify()).broken[0];
  /** Whoever owns the database can do this; the application can't. */
  const tamper = (text: string, values: unknown[] = [scope.orgId]) =>
    test.database.transaction(async (tx) => {
      await tx.query(`SET LOCAL session_replication_role = 'replica'`);
      await tx.query(text, values);
    });
  /** Makes the chain consistent again after a change, as a careful forger would. */
  const rehash = async () => {
    let point = GENESIS;
    for await (const item of storedChains(test.database, scope.orgId)) {
      if (item.kind === 'head') continue;
      point = nextPoint(point, item);
      await tamper('UPDATE audit_events SET seq = $2, hash = $3 WHERE id = $1', [item.id, point.seq, point.hash]);
    }
    await tamper('UPDATE audit_heads SET seq = $2, hash = $3 WHERE org_id = $1', [scope.orgId, point.seq, point.hash]);
  };

  beforeAll(async () => {
    test = await testDatabase();
    [worker, second, api] = await Promise.all([
      auditProcess(test, true),
      auditProcess(test, true),
      auditProcess(test, false),
    ]);
  });
  beforeEach(() => {
    scope = { orgId: newId() };
  });
  afterAll(async () => {
    await Promise.all([worker, second, api].map((process) => process?.close()));
    await test.close();
  });

  const sealedRows = async (count: number) => {
    await writeRows(api, scope, count);
    await seal();
    await eventually(
      async () =>
        (await sql('SELECT 1 FROM audit_events WHERE org_id = $1 AND seq IS NULL', [scope.orgId])).length === 0,
    );
  };

  it('gives every row a place, with many writers, two sealers and a commit that comes late', async () => {
    const other = { orgId: newId() };
    let commit: () => void = () => undefined;
    const late = api.get(Database).transaction(async (tx) => {
      await api.get(AuditLog).append(tx, scope, done({ subject: 'late' }, 'agent.stop', 'agent:1'));
      await new Promise<void>((resolve) => (commit = resolve));
    });
    const writers = Array.from({ length: 8 }, (_, index) => writeRows(api, index % 2 ? scope : other, 20));
    await Promise.all(writers);
    await Promise.all([seal(), second.get(AuditUpkeep).seal()]);
    await eventually(async () => (await sql('SELECT 1 FROM audit_events WHERE seq IS NULL')).length === 0);
    commit();
    await late;
    await eventually(async () => (await sql('SELECT 1 FROM audit_events WHERE seq IS NULL')).length === 0);
    await checkpoint();
    expect(await verify()).toMatchObject({ ok: true, rows: 81, unsealed: 0, unwitnessed: 0, broken: [] });
    expect(await verify(other.orgId)).toMatchObject({ ok: true, rows: 80, broken: [] });
    const [last] = await sql('SELECT subject FROM audit_events WHERE org_id = $1 ORDER BY seq DESC LIMIT 1', [
      scope.orgId,
    ]);
    expect(last).toEqual({ subject: 'late' });
  });

  it('is sealed by a worker as soon as an api rings', async () => {
    await writeRows(api, scope, 3);
    await eventually(async () => (await verify()).rows === 3);
  });

  it('names a row that was changed', async () => {
    await sealedRows(5);
    await checkpoint();
    await tamper(`UPDATE audit_events SET metadata = '{"index": 99}' WHERE org_id = $1 AND seq = 3`);
    expect(await firstBreak()).toMatchObject({
      org: scope.orgId,
      seq: 3,
      id: expect.any(String),
      problem: expect.stringContaining('changed'),
    });
  });

  it('names rows that were removed', async () => {
    await sealedRows(5);
    await checkpoint();
    await tamper('DELETE FROM audit_events WHERE org_id = $1 AND seq IN (2, 3)');
    expect(await firstBreak()).toMatchObject({ seq: 2, id: null, problem: 'rows 2 to 3 are missing' });
  });

  it('names a row that was put in and one that was moved', async () => {
    await sealedRows(4);
    await checkpoint();
    await tamper('UPDATE audit_events SET seq = seq + 100 WHERE org_id = $1 AND seq IN (2, 3)');
    await tamper('UPDATE audit_events SET seq = 105 - seq WHERE org_id = $1 AND seq > 100');
    expect(await firstBreak()).toMatchObject({ seq: 2, problem: expect.stringContaining('moved') });
    scope = { orgId: newId() };
    await sealedRows(4);
    await checkpoint();
    await tamper('UPDATE audit_events SET seq = seq + 1 WHERE org_id = $1 AND seq = 4');
    await tamper('UPDATE audit_events SET seq = seq + 1 WHERE org_id = $1 AND seq = 3');
    await tamper(`INSERT INTO audit_events (org_id, type, subject, action, resource, result, seq, hash)
      SELECT org_id, type, subject, action, resource, result, 3, hash FROM audit_events WHERE org_id = $1 AND seq = 2`);
    expect(await firstBreak()).toMatchObject({ seq: 3, problem: expect.stringContaining('put in') });
  });

  it('tells a chain that was forged throughout from the one that was signed', async () => {
    await sealedRows(3);
    await checkpoint();
    await sealedRows(3);
    await checkpoint();
    await tamper(`UPDATE audit_events SET subject = 'user:innocent' WHERE org_id = $1 AND seq = 5`);
    await rehash();
    expect(await firstBreak()).toMatchObject({
      seq: 6,
      problem: expect.stringMatching(/^rows 4 to 6 are not those of the checkpoint/),
    });
    await checkpoint();
    expect((await verify()).ok).toBe(false);
  });

  it('sees an end that was cut off, also when the chain goes on from there', async () => {
    await sealedRows(5);
    await checkpoint();
    await tamper('DELETE FROM audit_events WHERE org_id = $1 AND seq > 3');
    await rehash();
    expect(await firstBreak()).toMatchObject({ seq: 4, id: null, problem: 'rows 4 to 5 are missing' });
    await sealedRows(2);
    await checkpoint();
    expect(await firstBreak()).toMatchObject({ seq: 5, problem: expect.stringContaining('rows 1 to 5 are not those') });
  });

  it('misses a chain that is gone altogether', async () => {
    await sealedRows(2);
    await checkpoint();
    await tamper('DELETE FROM audit_events WHERE org_id = $1');
    await tamper('DELETE FROM audit_heads WHERE org_id = $1');
    expect(await firstBreak()).toMatchObject({ seq: 1, problem: 'the whole chain of 2 rows is missing' });
  });

  it('keeps what retention leaves verifiable, and takes no anchor that nobody signed', async () => {
    await sealedRows(6);
    await checkpoint();
    await tamper(`UPDATE audit_events SET at = at - interval '400 days' WHERE org_id = $1 AND seq <= 4`);
    await rehash();
    rmSync(test.config().audit.dir, { recursive: true });
    await second.get(AuditUpkeep).checkpoint(NEVER);
    const year = new Date(Date.now() - 365 * 86_400_000);
    expect(await worker.get(AuditUpkeep).deleteBefore(year, 3)).toBe(3);
    expect(await worker.get(AuditUpkeep).deleteBefore(year, 3)).toBe(1);
    expect(await worker.get(AuditUpkeep).deleteBefore(year, 3)).toBe(0);
    expect(await verify()).toMatchObject({ ok: true, rows: 2 });
    await sealedRows(1);
    expect(await verify()).toMatchObject({ ok: true, rows: 3 });
    const [next] = await sql(
      `SELECT seq, encode(hash, 'hex') AS hash FROM audit_events WHERE org_id = $1 AND seq = 5`,
      [scope.orgId],
    );
    await tamper('DELETE FROM audit_events WHERE org_id = $1 AND seq = 5');
    await tamper(
      `UPDATE audit_heads SET anchor_seq = 5, anchor_hash = decode($2, 'hex'),
      anchor = anchor || jsonb_build_object('seq', 5, 'hash', $2::text) WHERE org_id = $1`,
      [scope.orgId, next!.hash],
    );
    expect(await firstBreak()).toMatchObject({ seq: 1, problem: expect.stringContaining('no signed anchor') });
  });

  it('needs neither database nor secret: an export, the signed files and the public key are enough', async () => {
    await sealedRows(3);
    await second.get(AuditUpkeep).checkpoint(NEVER);
    await checkpoint();
    const items = [];
    for await (const item of storedChains(test.database, scope.orgId)) items.push(item);
    const file = join(test.dataDir, 'export.jsonl');
    const write = (lines: unknown[]) => writeFileSync(file, lines.map((item) => `${JSON.stringify(item)}\n`).join(''));
    const check = () =>
      verifyAudit({
        chains: exportedChains(file),
        checkpointsDir: test.config().audit.dir,
        verifiers: [keyOf()],
        orgId: scope.orgId,
      });
    write(items);
    expect(await check()).toMatchObject({ ok: true, rows: 3 });
    write(
      items.map((item) => (item.kind === 'row' && item.seq === 2 ? ({ ...item, result: 'denied' } as RowItem) : item)),
    );
    expect((await check()).broken).toEqual([expect.objectContaining({ seq: 2 })]);
    writeFileSync(file, 'no export\n');
    await expect(check()).rejects.toThrow(`${file}:1 is not a line of an export`);
  });

  it('reports forged lines, lives with torn and foreign ones, and wants checkpoints where there are rows', async () => {
    await sealedRows(2);
    const dir = test.config().audit.dir;
    await second.get(AuditUpkeep).checkpoint(NEVER);
    await checkpoint();
    const [name] = readdirSync(dir).filter((file) => file.endsWith('.jsonl'));
    const file = join(dir, name!);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const [line] = readFileSync(file, 'utf8')
      .split('\n')
      .filter((text) => text.includes(scope.orgId));
    const statement = JSON.parse(line!) as Record<string, unknown>;
    expect(Object.keys(statement)).toEqual(['kind', 'org', 'seq', 'hash', 'time', 'key', 'signature']);
    appendFileSync(file, `\n{"kind":"he\n${JSON.stringify({ ...statement, key: 'another' })}\n`);
    expect(await verify()).toMatchObject({ ok: true, unreadableLines: 1, foreignLines: 1 });
    appendFileSync(file, `${JSON.stringify({ ...statement, seq: 1 })}\n`);
    expect(await verify()).toMatchObject({ ok: false, problems: [expect.stringContaining(`${name}:`)] });
    rmSync(dir, { recursive: true });
    expect(await verify()).toMatchObject({
      ok: false,
      problems: ['there is no signed checkpoint to hold the rows against'],
    });
  });
});
