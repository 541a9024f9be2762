import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createHash } from 'node:crypto';
import { buffer, text } from 'node:stream/consumers';
import type { Config } from '#libs/config';
import { FakeHost } from '#libs/containers';
import { DomainError, newId } from '#libs/kernel';
import { Metrics } from '#libs/observability';
import { OBJECT_STORAGE, type ObjectStorage } from '#libs/storage';
import {
  type Overrides,
  type TestDatabase,
  type TestOrganisation,
  testDatabase,
  testOrganisation,
} from '#libs/testing';
import { type TestS3, startS3 } from '../../../storage/src/testing/s3-server.js';
import type { Agent } from '../agent.js';
import { type AgentsFixture, agentsFixture } from '../testing/agents-fixture.js';
import { WorkspacesRepository } from './workspaces.repository.js';

const signal = new AbortController().signal;
const MEGABYTE = 1024 * 1024;

interface FileRow {
  readonly path: string;
  readonly object_key: string;
  readonly sha256: string;
  readonly size_bytes: string;
}

describe.each(['a folder', 'an S3-compatible store'])('the files of agents in %s', (where) => {
  let db: TestDatabase;
  let org: TestOrganisation;
  let s3: TestS3 | undefined;
  let world: FakeHost;
  let at: AgentsFixture;
  let storage: ObjectStorage;

  beforeAll(async () => {
    db = await testDatabase();
    org = await testOrganisation(db.database);
    if (where !== 'a folder') s3 = await startS3();
  });
  beforeEach(async () => {
    world = new FakeHost();
    await open();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await at.close();
    await db.database.query(`UPDATE agents SET status = 'deleted', desired_state = 'deleted'`);
  });
  afterAll(async () => {
    await s3?.stop();
    await db.close();
  });

  async function open(overrides: Overrides<Config> = {}): Promise<void> {
    const config = { runtime: 'fake' as const, workspace: { maxFileMb: 1, maxMb: 3 }, ...overrides };
    at = await agentsFixture(db, world, db.config({ ...config, storage: { s3: s3?.settings } }));
    storage = at.app.get<ObjectStorage>(OBJECT_STORAGE);
  }
  async function reopen(overrides: Overrides<Config> = {}): Promise<void> {
    await at.close();
    await open(overrides);
  }

  const write = (agent: Agent, files: Record<string, string>): void => {
    for (const [path, content] of Object.entries(files)) world.agents.get(agent.id)!.workspace.set(path, content);
  };
  const read = (agent: Agent, path: string): string | undefined => world.agents.get(agent.id)?.workspace.get(path);
  const manifest = (agent: Agent): Promise<FileRow[]> =>
    db.database.query<FileRow>('SELECT * FROM agent_workspace_files WHERE agent_id = $1 ORDER BY path', [agent.id]);
  /** What the storage holds by the manifest: every object is there, and is what the manifest says. */
  const stored = async (agent: Agent): Promise<Record<string, string>> => {
    const found: Record<string, string> = {};
    for (const { path, object_key: key, sha256, size_bytes: size } of await manifest(agent)) {
      const bytes = await buffer(await storage.get(key, signal));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
      expect(bytes.length).toBe(Number(size));
      found[path] = bytes.length > 1000 ? `${bytes.length} bytes` : bytes.toString();
    }
    return found;
  };
  const objects = async (agent: Agent): Promise<string[]> => {
    const page = await storage.list(`orgs/${org.orgId}/agents/${agent.id}/`, {}, signal);
    return page.objects.map(({ key }) => key);
  };
  const stop = async (agent: Agent): Promise<void> => {
    await at.agents.stop(org.caller, agent.id);
    await at.sweep();
    expect((await at.agents.get(org.caller, agent.id)).status).toBe('stopped');
  };
  const start = async (agent: Agent): Promise<Agent> => {
    await at.agents.start(org.caller, agent.id);
    await at.sweep();
    return at.agents.get(org.caller, agent.id);
  };
  const why = async (agent: Agent) => (await at.agents.why(org.caller, agent.id)).files;
  const events = async (agent: Agent): Promise<Record<string, unknown>[]> => {
    const rows = await db.database.query<{ data: Record<string, unknown> }>(
      `SELECT data FROM events WHERE thing_id = $1 AND type = 'agent.files' ORDER BY seq`,
      [agent.id],
    );
    return rows.map(({ data }) => data);
  };
  const due = (agent: Agent) =>
    db.database.query(`UPDATE agent_workspaces SET next_sync_at = now() WHERE agent_id = $1`, [agent.id]);
  const deletionsDue = () => db.database.query(`UPDATE storage_deletions SET due_at = now() - interval '1 second'`);

  it('are stored at a stop, without what is not the agent`s own', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'memory/peer/a.md': 'a', 'notes.txt': 'äöü 🐦', 'empty.md': '', '.state/cache.sqlite': 'c' });
    write(agent, { 'rules/own.md': 'no', 'skills/x/SKILL.md': 'no', '.rookery/copy': 'no' });
    await stop(agent);
    expect(await stored(agent)).toEqual({ 'memory/peer/a.md': 'a', 'notes.txt': 'äöü 🐦', 'empty.md': '' });
    expect(await why(agent)).toMatchObject({ count: 3, bytes: 12, lastError: null, storedAt: expect.any(Date) });
    expect(await events(agent)).toEqual([]);
  });

  it('come back before the start where the workspace is gone', async () => {
    const agent = await at.runningAgent(org.caller, { soulMd: 'I am Ada' });
    const large = 'x'.repeat(MEGABYTE);
    write(agent, { 'memory/a.md': 'a', 'large.bin': large });
    await stop(agent);
    world.agents.delete(agent.id);
    let atStart: string | undefined;
    at.runtime.before = (step) => void (step === 'start' && (atStart = read(agent, 'memory/a.md')));
    expect((await start(agent)).status).toBe('running');
    expect(atStart).toBe('a');
    expect(read(agent, 'large.bin')).toBe(large);
    expect(read(agent, 'SOUL.md')).toBe('I am Ada');
    expect(await events(agent)).toEqual([{ outcome: 'restored', files: 2 }]);
    write(agent, { 'memory/a.md': 'newer' });
    await stop(agent);
    expect((await stored(agent))['memory/a.md']).toBe('newer');
  });

  it('are not fetched again where the workspace is the present one', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'memory/a.md': 'a' });
    await stop(agent);
    write(agent, { 'memory/a.md': 'changed on the host' });
    const gets = jest.spyOn(storage, 'get');
    await start(agent);
    expect(read(agent, 'memory/a.md')).toBe('changed on the host');
    expect(gets).not.toHaveBeenCalled();
  });

  it('replace what an older copy holds when the agent comes back to its host', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'memory/a.md': 'stored', 'gone-since.md': 'x' });
    await stop(agent);
    write(agent, { 'memory/a.md': 'old', 'left.md': 'left over' });
    await db.database.query(`UPDATE agent_workspaces SET copy_id = 'elsewhere' WHERE agent_id = $1`, [agent.id]);
    expect(await at.files.syncNow(agent.id, signal)).toBe('failed');
    expect(await why(agent)).toMatchObject({ errorCode: 'not_the_present_copy' });
    expect((await start(agent)).status).toBe('running');
    expect([read(agent, 'memory/a.md'), read(agent, 'left.md')]).toEqual(['stored', undefined]);
  });

  it('are stored every few minutes while it runs, only what changed, and only what is due', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'a.md': 'a', 'b.md': 'b' });
    await due(agent);
    await at.files.syncDue(signal);
    const first = await manifest(agent);
    expect(first.map(({ path }) => path)).toEqual(['a.md', 'b.md']);
    write(agent, { 'b.md': 'b2' });
    await at.files.syncDue(signal);
    expect(await manifest(agent)).toEqual(first);
    const puts = jest.spyOn(storage, 'put');
    await due(agent);
    await at.files.syncDue(signal);
    expect(puts).toHaveBeenCalledTimes(1);
    expect((await manifest(agent))[0]).toEqual(first[0]);
    expect(await stored(agent)).toEqual({ 'a.md': 'a', 'b.md': 'b2' });
    expect(await at.files.syncNow(agent.id, signal)).toBe('unchanged');
  });

  it('that are deleted or replaced leave the storage, and those in use stay', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'a.md': 'a', 'b.md': 'b', 'c.md': 'c' });
    await at.files.syncNow(agent.id, signal);
    world.agents.get(agent.id)!.workspace.delete('a.md');
    write(agent, { 'b.md': 'b2' });
    await at.files.syncNow(agent.id, signal);
    await at.deletions.run(signal);
    expect(await objects(agent)).toHaveLength(4);
    await deletionsDue();
    await at.deletions.run(signal);
    expect((await objects(agent)).sort()).toEqual((await manifest(agent)).map(({ object_key: key }) => key).sort());
    expect(await stored(agent)).toEqual({ 'b.md': 'b2', 'c.md': 'c' });
  });

  it('go with the agent, however often the storage refuses', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'a.md': 'a', 'b.md': 'b' });
    await at.files.syncNow(agent.id, signal);
    const refusing = jest.spyOn(storage, 'deletePrefix').mockRejectedValue(new DomainError('unavailable', 'x', 'no'));
    await at.agents.delete(org.caller, agent.id);
    await at.sweep();
    expect(await manifest(agent)).toEqual([]);
    for (let round = 0; round < 2; round++) {
      await deletionsDue();
      await at.deletions.run(signal);
    }
    expect(refusing).toHaveBeenCalledTimes(2);
    expect(await objects(agent)).toHaveLength(2);
    refusing.mockRestore();
    await deletionsDue();
    await at.deletions.run(signal);
    expect(await objects(agent)).toEqual([]);
    expect(await db.database.query('SELECT key FROM storage_deletions')).toEqual([]);
  });

  it('stay as they were stored when storing fails, which shows and holds up no stop', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'a.md': 'a' });
    await at.files.syncNow(agent.id, signal);
    const before = await manifest(agent);
    write(agent, { 'a.md': 'a2', 'b.md': 'b' });
    const refused = new DomainError('unavailable', 'storage_refused', 'The storage refuses');
    const refusing = jest.spyOn(storage, 'put').mockRejectedValue(refused);
    expect(await at.files.syncNow(agent.id, signal)).toBe('failed');
    await stop(agent);
    expect(await manifest(agent)).toEqual(before);
    expect(await why(agent)).toMatchObject({
      lastError: 'The storage refuses',
      errorCode: 'storage_refused',
      count: 1,
    });
    expect(await events(agent)).toMatchObject([{ outcome: 'failed', code: 'storage_refused' }]);
    expect(await at.app.get(Metrics).render()).toMatch(/rookery_workspaces_failing [1-9]/);
    refusing.mockRestore();
    await due(agent);
    await at.files.syncDue(signal);
    expect(await stored(agent)).toEqual({ 'a.md': 'a2', 'b.md': 'b' });
    expect(await why(agent)).toMatchObject({ lastError: null, errorCode: null });
    expect(await events(agent)).toMatchObject([{ outcome: 'failed' }, { outcome: 'recovered', files: 2, bytes: 3 }]);
  });

  it('are given up for the time being when the storage never answers', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'a.md': 'a' });
    jest
      .spyOn(storage, 'put')
      .mockImplementation(
        (_key, _content, stopped) =>
          new Promise((_, reject) => stopped.addEventListener('abort', () => reject(new Error('aborted')))),
      );
    expect(await at.files.syncNow(agent.id, signal, 50)).toBe('failed');
    expect(await why(agent)).toMatchObject({ errorCode: 'sync_timeout', count: 0 });
  });

  it('that are too large are left out by name, and keep what was stored of them', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'a.md': 'a', 'grows.log': 'small' });
    await at.files.syncNow(agent.id, signal);
    write(agent, { 'a.md': 'a2', 'grows.log': 'x'.repeat(MEGABYTE + 1), 'new.bin': 'x'.repeat(MEGABYTE + 1) });
    expect(await at.files.syncNow(agent.id, signal)).toBe('stored');
    expect(await at.files.syncNow(agent.id, signal)).toBe('unchanged');
    expect(await stored(agent)).toEqual({ 'a.md': 'a2', 'grows.log': 'small' });
    expect(await why(agent)).toMatchObject({ leftOut: ['grows.log', 'new.bin'], lastError: null });
    expect(await events(agent)).toEqual([{ outcome: 'incomplete', leftOut: ['grows.log', 'new.bin'] }]);
  });

  it('that are too many together are not stored until there are fewer', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'a.md': 'a' });
    await at.files.syncNow(agent.id, signal);
    const part = 'x'.repeat(MEGABYTE - 1);
    write(agent, { 'b.md': 'b', '1.bin': part, '2.bin': part, '3.bin': part, '4.bin': part });
    expect(await at.files.syncNow(agent.id, signal)).toBe('failed');
    expect(await stored(agent)).toEqual({ 'a.md': 'a' });
    expect((await why(agent))?.lastError).toContain('WORKSPACE_MAX_MB');
    expect(await events(agent)).toMatchObject([{ outcome: 'failed', code: 'workspace_too_large' }]);
    for (const path of ['3.bin', '4.bin']) world.agents.get(agent.id)!.workspace.delete(path);
    expect(await at.files.syncNow(agent.id, signal)).toBe('stored');
    expect(Object.keys(await stored(agent))).toEqual(['1.bin', '2.bin', 'a.md', 'b.md']);
    await deletionsDue();
    await at.deletions.run(signal);
    expect(await objects(agent)).toHaveLength(4);
  });

  it('are the old ones or the new ones, wherever a worker dies', async () => {
    const agent = await at.runningAgent(org.caller);
    const [old, young] = [
      { 'a.md': 'a1', 'b.md': 'b1', 'c.md': 'c1' },
      { 'a.md': 'a2', 'b.md': 'b2', 'd.md': 'd2' },
    ];
    write(agent, old);
    await at.files.syncNow(agent.id, signal);
    world.agents.get(agent.id)!.workspace.delete('c.md');
    write(agent, young);
    const repository = at.app.get(WorkspacesRepository);
    const died = new Error('killed');
    for (let line = 0; line < 8; line++) {
      let calls = 0;
      // a killed worker writes no failure either: nothing after the line happens
      const dies = <T>(work: () => Promise<T>): Promise<T> => (calls++ >= line ? Promise.reject(died) : work());
      const { announce, write: commit } = repository;
      const { put } = storage;
      jest.spyOn(repository, 'announce').mockImplementation((...args) => dies(() => announce.apply(repository, args)));
      jest.spyOn(storage, 'put').mockImplementation((...args) => dies(() => put.apply(storage, args)));
      jest.spyOn(repository, 'write').mockImplementation((...args) => dies(() => commit.apply(repository, args)));
      jest.spyOn(repository, 'failed').mockResolvedValue();
      await at.files.syncNow(agent.id, signal);
      jest.restoreAllMocks();
      const now = await stored(agent);
      expect(now).toEqual(line < 7 ? old : young);
    }
    await deletionsDue();
    await at.deletions.run(signal);
    expect(await stored(agent)).toEqual(young);
    expect(await objects(agent)).toHaveLength(3);
  });

  it('come back whole although a worker died while it brought them back', async () => {
    const agent = await at.runningAgent(org.caller);
    const files = { 'a.md': 'a', 'b.md': 'b', 'c.md': 'c' };
    write(agent, files);
    await stop(agent);
    const repository = at.app.get(WorkspacesRepository);
    for (let line = 0; line < 4; line++) {
      world.agents.delete(agent.id);
      let calls = 0;
      at.runtime.before = (step) => {
        if (step === 'start') throw new Error('started without its files');
        if (step === 'restore' && calls++ === line) throw new Error('killed');
      };
      if (line === 3) jest.spyOn(repository, 'placed').mockRejectedValueOnce(new Error('killed'));
      await at.agents.start(org.caller, agent.id);
      await at.reconciler.reconcile(agent.id);
      at.runtime.before = () => undefined;
      await at.agents.stop(org.caller, agent.id);
      await at.sweep();
      expect(Object.keys(await stored(agent))).toEqual(Object.keys(files));
    }
    await start(agent);
    for (const [path, content] of Object.entries(files)) expect(read(agent, path)).toBe(content);
  });

  it('hold up the start when the storage can`t give them, until it can', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'a.md': 'a' });
    await stop(agent);
    world.agents.delete(agent.id);
    const [file] = await manifest(agent);
    const { get } = storage;
    const { Readable } = await import('node:stream');
    jest.spyOn(storage, 'get').mockImplementation(async () => Readable.from(['z'], { objectMode: false }));
    const tried = await start(agent);
    expect(tried.status).not.toBe('running');
    expect((await at.agents.why(org.caller, agent.id)).lastError).toContain('"a.md" is not what was stored');
    jest.restoreAllMocks();
    expect(await text(await get.call(storage, file!.object_key, signal))).toBe('a');
    await db.database.query('UPDATE agents SET next_attempt_at = NULL WHERE id = $1', [agent.id]);
    await at.sweep();
    expect((await at.agents.get(org.caller, agent.id)).status).toBe('running');
    expect(read(agent, 'a.md')).toBe('a');
  });

  it('are not written by a worker that has lost the host', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'a.md': 'a' });
    await at.files.syncNow(agent.id, signal);
    write(agent, { 'a.md': 'stale' });
    const { put } = storage;
    jest.spyOn(storage, 'put').mockImplementation(async (...args) => {
      await put.apply(storage, args);
      await db.database.query('UPDATE hosts SET incarnation = incarnation + 1 WHERE id = $1', [at.session.id]);
    });
    expect(await at.files.syncNow(agent.id, signal)).toBe('superseded');
    expect(await stored(agent)).toEqual({ 'a.md': 'a' });
    expect(await at.files.syncNow(agent.id, signal)).toBe('superseded');
  });

  it('are not taken from an upload that is about to be deleted', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'a.md': 'a' });
    const { put } = storage;
    jest.spyOn(storage, 'put').mockImplementation(async (...args) => {
      await put.apply(storage, args);
      await deletionsDue();
      await at.deletions.run(signal);
    });
    expect(await at.files.syncNow(agent.id, signal)).toBe('superseded');
    expect(await manifest(agent)).toEqual([]);
  });

  it('are stored once when they are asked for twice, the later one in the place of the earlier', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'a.md': 'a' });
    const outcomes = await Promise.allSettled([
      at.files.syncNow(agent.id, signal),
      at.files.syncNow(agent.id, signal),
      at.files.syncNow(agent.id, signal),
    ]);
    expect(outcomes.at(-1)).toEqual({ status: 'fulfilled', value: 'stored' });
    expect(await stored(agent)).toEqual({ 'a.md': 'a' });
  });

  it('are stored anew when the operator has given another storage', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'a.md': 'a' });
    await at.files.syncNow(agent.id, signal);
    const former = await manifest(agent);
    await db.database.query(`UPDATE agent_workspaces SET store = 'folder:former' WHERE agent_id = $1`, [agent.id]);
    expect(await at.files.syncNow(agent.id, signal)).toBe('stored');
    expect(await stored(agent)).toEqual({ 'a.md': 'a' });
    const left = await db.database.query('SELECT store, key FROM storage_deletions WHERE store LIKE $1', [
      'folder:former',
    ]);
    expect(left).toEqual([{ store: 'folder:former', key: former[0]!.object_key }]);
    await db.database.query('DELETE FROM storage_deletions');
  });

  it('of agents that another worker brought up go on being stored', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'a.md': 'a' });
    await reopen();
    expect(await at.files.syncNow(agent.id, signal)).toBe('stored');
    expect(await at.files.syncNow(newId(), signal)).toBe('superseded');
  });

  it('are stored when the worker ends with its agents', async () => {
    const agent = await at.runningAgent(org.caller);
    write(agent, { 'a.md': 'at the end' });
    await at.host.close(true);
    expect(await stored(agent)).toEqual({ 'a.md': 'at the end' });
  });
});
