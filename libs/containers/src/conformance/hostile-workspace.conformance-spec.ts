import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { newId } from '#libs/kernel';
import { eventually } from '#libs/testing';
import type { ContainerRuntime, ContainerSpec } from '../container-runtime.js';

/** A host whose agents run `gateway.mjs`. */
export interface HostileHost {
  readonly runtime: ContainerRuntime;
  readonly image: string;
  /** Asks the agent over its gateway. */
  ask(agentId: string, path: string, query: Record<string, string>): Promise<unknown>;
  /** A path of the workspace as the agent sees it. */
  at(agentId: string, path: string): string;
  close(): Promise<void>;
}

const signal = new AbortController().signal;
const MAGIC = 'SQLite format 3\0';

/** What an agent may do to its workspace while it is read. */
export function hostileWorkspaceConformance(open: () => Promise<HostileHost>): void {
  let host: HostileHost;
  let spec: ContainerSpec;
  const used: string[] = [];

  beforeAll(async () => {
    host = await open();
  }, 240_000);
  afterEach(async () => {
    for (const agentId of used.splice(0)) await host.runtime.remove(agentId, { wipe: true }, signal);
  }, 60_000);
  afterAll(() => host.close(), 60_000);

  const start = async (): Promise<void> => {
    const agentId = newId();
    used.push(agentId);
    const limits = { memoryMb: 256, cpus: 1, pidsLimit: 64, stopTimeoutMs: 5_000 };
    const env = { ROOKERY_AGENT_ID: agentId };
    spec = { agentId, orgId: 'o', epoch: 1, runtime: 'house', image: host.image, env, files: [], ...limits };
    await host.runtime.ensure(spec, signal);
    await host.runtime.start(agentId, signal);
    await eventually(async () => (await host.runtime.probe(agentId, '/readyz', signal)) === 200);
  };
  const ask = (path: string, file: string, more: Record<string, string> = {}): Promise<unknown> =>
    host.ask(spec.agentId, path, { path: host.at(spec.agentId, file), ...more });
  const readAll = async (): Promise<Map<string, Buffer | null>> => {
    const { agentId, image } = spec;
    const found = new Map<string, Buffer | null>();
    const options = { runtime: 'house', image, mostBytes: 64 * 1024 * 1024, signal } as const;
    for await (const { path, content } of host.runtime.workspaces.read(agentId, options)) {
      if (path !== 'starts.txt') found.set(path, content && (await buffer(content)));
    }
    return found;
  };
  /** Rows of a database whose files are these. */
  const rowsIn = (files: Map<string, Buffer | null>): number => {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-database-'));
    try {
      for (const [path, bytes] of files) writeFileSync(join(folder, path), bytes ?? '');
      const database = new DatabaseSync(join(folder, 'data.sqlite'));
      const row = database.prepare('SELECT count(*) AS rows FROM t').get();
      database.close();
      return Number(row?.rows);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it('gives a database that is open as a backup, whole, and a closed one as it is', async () => {
    await start();
    await ask('/rows', 'data.sqlite', { count: '3' });
    for (const count of [3, 5]) {
      const open = await readAll();
      expect([...open.keys()]).toEqual(['data.sqlite']);
      expect(rowsIn(open)).toBe(count);
      await ask('/rows', 'data.sqlite', { count: '2' });
    }
    await host.runtime.stop(spec.agentId, 0, signal);
    const closed = await readAll();
    expect([...closed.keys()]).not.toContain('data.sqlite-shm');
    expect(rowsIn(closed)).toBe(7);
  });

  it('tells of a database that can not be backed up, and reads the rest', async () => {
    await start();
    await ask('/write', 'bad.sqlite', { content: `${MAGIC}and no database` });
    await ask('/write', 'good.md', { content: 'good' });
    const found = await readAll();
    expect(found.get('bad.sqlite')).toBeNull();
    expect(found.get('good.md')?.toString()).toBe('good');
  });

  it('leaves links out, wherever they lead', async () => {
    await start();
    await ask('/write', 'good.md', { content: 'good' });
    for (const [name, to] of Object.entries({
      a: '/etc/passwd',
      b: '/etc',
      c: 'good.md',
      d: '/proc/self/environ',
      memory: '/',
    })) {
      await ask('/link', name, { to });
    }
    expect([...(await readAll()).keys()]).toEqual(['good.md']);
  });

  it('is written over links and closed folders, never through them', async () => {
    await start();
    const { agentId, image } = spec;
    await ask('/write', 'outside.md', { content: 'untouched' });
    await ask('/link', 'skills', { to: host.at(agentId, '.') });
    await ask('/link', '.rookery', { to: host.at(agentId, 'memory') });
    const place = (files: { path: string; content: string }[]): Promise<void> =>
      host.runtime.workspaces.place(agentId, { image, folder: 'skills/outside.md', files, signal });
    await place([{ path: 'SKILL.md', content: 'ours' }]);
    const own = await readAll();
    expect([...own.keys()]).toEqual(['outside.md']);
    expect(own.get('outside.md')?.toString()).toBe('untouched');
    expect(await ask('/read', 'skills/outside.md/SKILL.md')).toMatchObject({ ok: true, value: 'ours' });
    await ask('/write', 'skills/outside.md/more.md', { content: 'theirs' });
    await place([]);
    expect(await ask('/read', 'skills/outside.md/more.md')).toMatchObject({ ok: false });
    expect(await ask('/read', 'skills/outside.md/SKILL.md')).toMatchObject({ ok: false });
  });
}
