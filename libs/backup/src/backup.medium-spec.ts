import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoredDeletions } from '#libs/agents';
import { FakeHost } from '#libs/containers';
import { Database, openDataSource } from '#libs/database';
import { FolderStorage } from '#libs/storage';
import { type TestDatabase, type TestOrganisation, eventually, testDatabase, testOrganisation } from '#libs/testing';
import { type AgentsFixture, agentsFixture, demoAgent } from '../../agents/src/testing/agents-fixture.js';
import { backUp } from './backup.js';
import { type BackupManifest, BACKUP_FORMAT } from './manifest.js';
import { restore } from './restore.js';

const signal = new AbortController().signal;
const CHANGED = ['agents', 'events', 'agent_workspaces', 'storage_deletions'];

describe('backup and restore', () => {
  let db: TestDatabase;
  let org: TestOrganisation;
  let at: AgentsFixture;
  let world: FakeHost;
  let folder: string;
  const databases: string[] = [];

  beforeAll(async () => {
    db = await testDatabase();
    org = await testOrganisation(db.database);
    world = new FakeHost();
    at = await agentsFixture(db, world);
  });
  afterAll(async () => {
    await at.close();
    for (const name of databases) await db.database.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await db.close();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** An empty database on the same server. */
  async function emptyDatabase(): Promise<string> {
    const name = `t_${randomBytes(6).toString('hex')}`;
    await db.database.query(`CREATE DATABASE ${name}`);
    databases.push(name);
    const url = new URL(db.url);
    url.pathname = `/${name}`;
    return url.href;
  }
  const newFolder = (): string => (folder = join(mkdtempSync(join(tmpdir(), 'rookery-backup-')), 'monday'));
  const from = (target = newFolder()) => ({
    databaseUrl: db.url,
    storage: new FolderStorage(db.config().storage.dir),
    auditDir: join(db.dataDir, 'audit'),
    folder: target,
    version: '1.0.0',
    signal,
    progress: () => undefined,
  });
  const into = (databaseUrl: string, dir: string) => ({
    databaseUrl,
    storage: new FolderStorage(join(dir, 'storage')),
    auditDir: join(dir, 'audit'),
    folder,
    signal,
    progress: () => undefined,
  });
  const digests = async (database: Database, tables: readonly string[]): Promise<Record<string, unknown>> => {
    const found: Record<string, unknown> = {};
    for (const table of tables) {
      const [row] = await database.query<{ digest: string; rows: number }>(
        `SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) AS digest, count(*)::int AS rows FROM ${table} t`,
      );
      found[table] = row;
    }
    return found;
  };

  async function agentWithNotes(): Promise<string> {
    const { id } = await at.runningAgent(org.caller, { soulMd: 'I am "Ada"\\N\n\t\\.' });
    world.agents.get(id)!.workspace.set('notes.md', 'what I learned');
    expect(await at.files.syncNow(id, signal)).toBe('stored');
    await db.database.query(`INSERT INTO log_lines (agent_id, at, level, line) VALUES ($1, now(), 'info', 'Hello')`, [
      id,
    ]);
    await eventually(() => isAtRest(id));
    return id;
  }

  /** Nothing is written any more: the agent's first line of output is stored, and the outbox is empty. */
  async function isAtRest(agentId: string): Promise<boolean> {
    const [row] = await db.database.query<{ rest: boolean }>(
      'SELECT EXISTS (SELECT 1 FROM log_cursors WHERE agent_id = $1) AND NOT EXISTS (SELECT 1 FROM outbox) AS rest',
      [agentId],
    );
    return row!.rest;
  }

  it('brings every row, file and checkpoint back, and agents that start anew from them', async () => {
    const id = await agentWithNotes();
    mkdirSync(join(db.dataDir, 'audit'), { recursive: true });
    writeFileSync(join(db.dataDir, 'audit', 'checkpoint'), 'signed');
    const manifest = await backUp(from());
    expect(manifest.objects).toEqual({ count: 1, bytes: 'what I learned'.length });
    const tables = manifest.tables.map(({ name }) => name);
    expect(tables).toEqual(
      expect.arrayContaining(['organisations', 'users', 'agents', 'secrets', 'log_lines', 'hosts']),
    );
    expect(tables).not.toContain('rate_limits');

    const dir = mkdtempSync(join(tmpdir(), 'rookery-restored-'));
    const url = await emptyDatabase();
    await restore(into(url, dir));
    const restored = new Database(await openDataSource(url));
    try {
      const same = tables.filter((name) => !CHANGED.includes(name));
      expect(await digests(restored, same)).toEqual(await digests(db.database, same));
      const [before] = await db.database.query<{ epoch: string }>('SELECT epoch FROM agents WHERE id = $1', [id]);
      const [after] = await restored.query<Record<string, string>>('SELECT * FROM agents WHERE id = $1', [id]);
      expect(after).toMatchObject({ status: 'restarting', instance_epoch: null, endpoint: null });
      expect(Number(after!.epoch)).toBeGreaterThan(Number(before!.epoch) + 100_000);
      expect(readFileSync(join(dir, 'audit', 'checkpoint'), 'utf8')).toBe('signed');

      const elsewhere = new FakeHost();
      const config = db.config({
        runtime: 'fake',
        databaseUrl: url,
        dataDir: dir,
        storage: { dir: join(dir, 'storage') },
      });
      const there = await agentsFixture({ ...db, url, database: restored }, elsewhere, config);
      try {
        await there.sweep();
        expect(await there.agents.get(org.caller, id)).toMatchObject({ status: 'running' });
        expect(elsewhere.agents.get(id)!.workspace.get('notes.md')).toBe('what I learned');
        expect(elsewhere.agents.get(id)!.workspace.get('SOUL.md')).toBe('I am "Ada"\\N\n\t\\.');
        const why = await there.agents.why(org.caller, id);
        expect(why.transitions.map(({ cause }) => cause)).toContain(`restored from the backup of ${manifest.takenAt}`);
        const fresh = await there.agents.create(org.caller, demoAgent());
        expect(fresh.id).not.toBe(id);
      } finally {
        await there.close();
      }
    } finally {
      await restored.dataSource.destroy();
      rmSync(dir, { recursive: true, force: true });
    }
  }, 60_000);

  it('holds one moment, whatever is written meanwhile', async () => {
    const options = from();
    let written = false;
    const progress = (): void => {
      if (written) return;
      written = true;
      void db.database.query(`UPDATE users SET full_name = 'Later'`);
    };
    const [before] = Object.values(await digests(db.database, ['users']));
    await backUp({ ...options, progress });
    const url = await emptyDatabase();
    const dir = mkdtempSync(join(tmpdir(), 'rookery-restored-'));
    await restore(into(url, dir));
    const restored = new Database(await openDataSource(url));
    expect(Object.values(await digests(restored, ['users']))).toEqual([before]);
    await restored.dataSource.destroy();
    rmSync(dir, { recursive: true, force: true });
  }, 60_000);

  it('has no checkpoint of rows that were written after it', async () => {
    const audit = join(db.dataDir, 'audit');
    mkdirSync(audit, { recursive: true });
    writeFileSync(join(audit, 'before'), 'signed');
    await backUp({ ...from(), progress: () => writeFileSync(join(audit, 'after'), 'signed') });
    expect(readdirSync(join(folder, 'audit'))).toContain('before');
    expect(readdirSync(join(folder, 'audit'))).not.toContain('after');
  });

  it('keeps what the snapshot names from being deleted until it is copied', async () => {
    const deletions = at.app.get(StoredDeletions);
    await db.database.query(
      `INSERT INTO storage_deletions (store, key, org_id, due_at) VALUES ($1, 'orgs/x/y', $2, now() - interval '1 hour')`,
      [await new FolderStorage(db.config().storage.dir).identify(), org.orgId],
    );
    const left = async (): Promise<number> =>
      (await db.database.query(`SELECT 1 FROM storage_deletions WHERE key = 'orgs/x/y'`)).length;
    const seen: number[] = [];
    let first = true;
    let looked: Promise<unknown> = Promise.resolve();
    const progress = (): void => {
      if (!first) return;
      first = false;
      looked = deletions.run(signal).then(async () => seen.push(await left()));
    };
    await Promise.all([backUp({ ...from(), progress }).then(() => looked)]);
    expect(seen).toEqual([1]);
    await deletions.run(signal);
    expect(await left()).toBe(0);
  }, 60_000);

  describe('refuses', () => {
    const change = (manifest: Partial<BackupManifest>): void => {
      const path = join(folder, 'manifest.json');
      const old = JSON.parse(readFileSync(path, 'utf8')) as BackupManifest;
      writeFileSync(path, JSON.stringify({ ...old, ...manifest }));
    };

    it('a database that is not empty, and changes nothing', async () => {
      await backUp(from());
      const before = await digests(db.database, ['organisations', 'agents']);
      await expect(restore(into(db.url, db.dataDir))).rejects.toThrow(/not empty/);
      expect(await digests(db.database, ['organisations', 'agents'])).toEqual(before);
    });

    it('what is no whole backup, of another format or of a newer version', async () => {
      const url = await emptyDatabase();
      const manifest = await backUp(from());
      change({ format: BACKUP_FORMAT + 1 });
      await expect(restore(into(url, db.dataDir))).rejects.toThrow(/format/);
      change({ format: BACKUP_FORMAT, migrations: [...manifest.migrations, 'Later1999999999999'] });
      await expect(restore(into(url, db.dataDir))).rejects.toThrow(/newer version/);
      rmSync(join(folder, 'manifest.json'));
      await expect(restore(into(url, db.dataDir))).rejects.toThrow(/is no backup/);
    });

    it('changed rows, leaving the database empty for another try', async () => {
      const url = await emptyDatabase();
      const { tables } = await backUp(from());
      const table = tables.find(({ name }) => name === 'users')!;
      const path = join(folder, 'tables', 'users.copy.gz');
      const good = readFileSync(path);
      expect(createHash('sha256').update(good).digest('hex')).toBe(table.sha256);
      writeFileSync(path, Buffer.concat([good.subarray(0, -1), Buffer.from([good.at(-1)! ^ 1])]));
      await expect(restore(into(url, db.dataDir))).rejects.toThrow(/not what was backed up/);
      writeFileSync(path, good);
      await restore(into(url, mkdtempSync(join(folder, '..', 'there-'))));
    }, 60_000);

    it('a folder that is there already, and leaves nothing half done when it is broken off', async () => {
      await backUp(from());
      await expect(backUp(from(folder))).rejects.toThrow(/exists already/);
      const closing = new AbortController();
      const options = { ...from(), signal: closing.signal, progress: () => closing.abort(new Error('broken off')) };
      await expect(backUp(options)).rejects.toThrow(/broken off/);
      expect(existsSync(folder)).toBe(false);
      await backUp(from(folder));
      expect(readdirSync(folder).sort()).toEqual(['audit', 'manifest.json', 'objects', 'tables']);
    });
  });
});
