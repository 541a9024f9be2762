import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FakeHost } from '#libs/containers';
import { EventLog } from '#libs/events';
import { Metrics, silentLogger } from '#libs/observability';
import { FolderStorage } from '#libs/storage';
import { type TestDatabase, type TestOrganisation, testDatabase, testOrganisation } from '#libs/testing';
import { type AgentsFixture, agentsFixture } from '../../../agents/src/testing/agents-fixture.js';
import { DrillsRepository } from './drills.repository.js';
import { RestoreDrill } from './restore-drill.js';

const signal = new AbortController().signal;

describe('RestoreDrill', () => {
  let db: TestDatabase;
  let org: TestOrganisation;
  let at: AgentsFixture;
  let drill: RestoreDrill;
  let metrics: Metrics;

  beforeAll(async () => {
    db = await testDatabase();
    org = await testOrganisation(db.database);
    const world = new FakeHost();
    at = await agentsFixture(db, world);
    await db.database.query('UPDATE users SET is_platform_admin = true WHERE id = $1', [org.userId]);
    const { id } = await at.runningAgent(org.caller);
    world.agents.get(id)!.workspace.set('notes.md', 'what I learned');
    expect(await at.files.syncNow(id, signal)).toBe('stored');
    metrics = new Metrics();
    drill = drillOf(metrics);
  });
  beforeEach(async () => {
    await db.database.query('DELETE FROM restore_drills');
    await db.database.query(`DELETE FROM events WHERE thing_kind = 'restore_drill'`);
    await db.database.query(`UPDATE organisations SET created_at = now() - interval '8 days'`);
  });
  afterAll(async () => {
    await at.close();
    await db.close();
  });

  function drillOf(into: Metrics): RestoreDrill {
    const drills = new DrillsRepository(db.database, new EventLog(db.database));
    const config = db.config();
    return new RestoreDrill(config, drills, new FolderStorage(config.storage.dir), silentLogger(), into);
  }
  const drills = () =>
    db.database.query<{ outcome: string; reason: string | null; files: number | null; rows: string | null }>(
      'SELECT outcome, reason, files, rows FROM restore_drills ORDER BY started_at',
    );
  const events = () =>
    db.database.query<{ type: string; data: Record<string, unknown> }>(
      `SELECT type, data FROM events WHERE thing_kind = 'restore_drill' AND org_id = $1`,
      [org.orgId],
    );
  const leftovers = async () => ({
    folder: existsSync(join(db.dataDir, 'restore-drill')),
    databases: await db.database.query(`SELECT datname FROM pg_database WHERE starts_with(datname, 'rookery_drill_')`),
  });

  it('brings a backup back, says so as an event and as metrics, and leaves nothing', async () => {
    expect(await drill.runDue(signal)).toBe(true);
    expect(await drills()).toEqual([{ outcome: 'passed', reason: null, files: 1, rows: expect.any(String) }]);
    expect(await events()).toEqual([
      { type: 'restore_drill.passed', data: expect.objectContaining({ outcome: 'passed', files: 1, bytes: 14 }) },
    ]);
    const text = await metrics.render();
    expect(text).toMatch(/^rookery_restore_drill_passed 1$/m);
    expect(text).toMatch(/^rookery_restore_drill_last_passed_timestamp_seconds \d+/m);
    expect(await leftovers()).toEqual({ folder: false, databases: [] });
    expect(await drill.runDue(signal)).toBe(false);
  }, 60_000);

  it('fails with the reason when a stored file is not what was stored', async () => {
    const entries = readdirSync(db.config().storage.dir, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    const file = files.find((path) => readFileSync(path, 'utf8') === 'what I learned');
    writeFileSync(file!, 'something else');
    expect(await drill.runDue(signal)).toBe(true);
    expect(await drills()).toEqual([
      { outcome: 'failed', reason: expect.stringMatching(/is not what was stored/), files: null, rows: null },
    ]);
    expect((await events())[0]).toMatchObject({ type: 'restore_drill.failed' });
    expect(await metrics.render()).toMatch(/^rookery_restore_drill_passed 0$/m);
    expect(await leftovers()).toEqual({ folder: false, databases: [] });
    writeFileSync(file!, 'what I learned');
  }, 60_000);

  it('is done by one of two workers', async () => {
    const done = await Promise.all([drill.runDue(signal), drillOf(new Metrics()).runDue(signal)]);
    expect(done.filter(Boolean)).toHaveLength(1);
    expect(await drills()).toHaveLength(1);
  }, 60_000);

  it('is begun anew, once, where a worker died in it', async () => {
    await db.database.query(
      `INSERT INTO restore_drills (id, host_id, started_at) VALUES (gen_random_uuid(), 'gone', now() - interval '1 minute')`,
    );
    await db.database.query('CREATE DATABASE rookery_drill_left');
    expect(await drill.runDue(signal)).toBe(true);
    expect((await drills()).map(({ outcome }) => outcome)).toEqual(['failed', 'passed']);
    expect(await leftovers()).toEqual({ folder: false, databases: [] });
    await db.database.query(`DELETE FROM restore_drills WHERE outcome = 'passed'`);
    await db.database.query(`INSERT INTO restore_drills (id, host_id) VALUES (gen_random_uuid(), 'gone again')`);
    expect(await drill.runDue(signal)).toBe(false);
  }, 60_000);

  it('waits until an installation is as old as its interval', async () => {
    await db.database.query('UPDATE organisations SET created_at = now()');
    expect(await drill.runDue(signal)).toBe(false);
    expect(await drills()).toEqual([]);
  });
});
