import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerRuntime } from '#libs/containers';
import { OBJECT_STORAGE, type ObjectStorage } from '#libs/storage';
import {
  type TestDatabase,
  type TestOrganisation,
  describeIf,
  requireTool,
  testDatabase,
  testOrganisation,
} from '#libs/testing';
import { AGENT_IMAGE, DockerTestHost } from '../../../containers/src/conformance/docker-host.conformance-spec.js';
import type { Agent } from '../agent.js';
import { type AgentsFixture, agentsFixture } from '../testing/agents-fixture.js';

const signal = new AbortController().signal;
jest.setTimeout(120_000);

describeIf(requireTool('docker'), 'the files of agents in containers', () => {
  let db: TestDatabase;
  let org: TestOrganisation;
  const hosts: DockerTestHost[] = [];
  const open: AgentsFixture[] = [];

  beforeAll(async () => {
    db = await testDatabase();
    org = await testOrganisation(db.database);
  });
  afterAll(async () => {
    for (const at of open) await at.close();
    for (const host of hosts) await host.close();
    await db.close();
  });

  /** Another machine: its own name, edge and networks, and a storage that all of them share. */
  const machine = async (
    subnetPool: string,
  ): Promise<{ host: DockerTestHost; runtime: ContainerRuntime; at: AgentsFixture }> => {
    const host = await DockerTestHost.open({ subnetPool });
    hosts.push(host);
    const runtime = await host.worker();
    const { edge, docker, host: named } = host.config;
    const config = db.config({
      runtime: 'docker',
      host: named,
      edge,
      docker,
      agent: { image: AGENT_IMAGE, memoryMb: 128 },
      storage: { dir: join(db.dataDir, 'storage') },
    });
    const at = await agentsFixture(db, undefined, config, runtime);
    open.push(at);
    return { host, runtime, at };
  };

  it('are back after a stop, a wiped volume and a start on another host', async () => {
    const first = await machine('10.214.0.0/17');
    const agent: Agent = await first.at.runningAgent(org.caller, { soulMd: 'I am Ada' });
    expect(agent.status).toBe('running');
    const ask = <T>({ host, runtime }: typeof first, path: string, query: Record<string, string>): Promise<T> =>
      host.ask<T>(runtime as never, agent.id, path, query);
    await ask(first, '/write', { path: '/workspace/memory.md', content: 'remember äöü 🐦' });
    await ask(first, '/link', { path: '/workspace/link', to: '/etc/passwd' });
    await ask(first, '/rows', { path: '/workspace/data.sqlite', count: '3' });

    expect(await first.at.files.syncNow(agent.id, signal)).toBe('stored');
    await ask(first, '/write', { path: '/workspace/later.md', content: 'at the stop' });
    await first.at.agents.stop(org.caller, agent.id);
    await first.at.sweep();
    expect((await first.at.agents.get(org.caller, agent.id)).status).toBe('stopped');
    expect((await first.at.agents.why(org.caller, agent.id)).files).toMatchObject({ lastError: null });
    const rows = await db.database.query<{ path: string }>(
      'SELECT path FROM agent_workspace_files WHERE agent_id = $1 ORDER BY path',
      [agent.id],
    );
    expect(rows.map(({ path }) => path)).toEqual(expect.arrayContaining(['data.sqlite', 'later.md', 'memory.md']));
    expect(rows.map(({ path }) => path)).not.toContain('link');
    await first.runtime.remove(agent.id, { wipe: true }, signal);

    const second = await machine('10.214.128.0/17');
    await db.database.query('UPDATE agents SET host_id = $2 WHERE id = $1', [agent.id, second.host.config.host.id]);
    await second.at.agents.start(org.caller, agent.id);
    await second.at.reconciler.reconcile(agent.id);
    expect((await second.at.agents.get(org.caller, agent.id)).status).toBe('running');
    const read = async (path: string): Promise<unknown> =>
      (await ask<{ value?: string }>(second, '/read', { path: `/workspace/${path}` })).value;
    expect(await read('memory.md')).toBe('remember äöü 🐦');
    expect(await read('later.md')).toBe('at the stop');
    expect(await read('SOUL.md')).toBe('I am Ada');
    expect(await read('link')).toBeUndefined();
    await ask(second, '/rows', { path: '/workspace/data.sqlite', count: '1' });
    expect(await first.at.files.syncNow(agent.id, signal)).toBe('superseded');
    expect(await second.at.files.syncNow(agent.id, signal)).toBe('stored');

    await second.at.agents.delete(org.caller, agent.id);
    await second.at.sweep();
    const storage = second.at.app.get<ObjectStorage>(OBJECT_STORAGE);
    expect((await storage.list(`orgs/${org.orgId}/`, {}, signal)).objects.length).toBeGreaterThan(0);
    await second.at.deletions.run(signal);
    expect((await storage.list(`orgs/${org.orgId}/`, {}, signal)).objects).toEqual([]);
    rmSync(join(db.dataDir, 'storage'), { recursive: true });
  });

  it('are stored later when the storage failed at the stop, although no container is left', async () => {
    const { at, runtime } = await machine('10.214.0.0/17');
    const host = hosts.at(-1)!;
    await db.database.query('UPDATE hosts SET draining = true WHERE id <> $1', [host.config.host.id]);
    const agent = await at.runningAgent(org.caller);
    await host.ask(runtime as never, agent.id, '/write', { path: '/workspace/a.md', content: 'a' });
    const storage = at.app.get<ObjectStorage>(OBJECT_STORAGE);
    const refusing = jest.spyOn(storage, 'put').mockRejectedValue(new Error('down'));
    await at.agents.stop(org.caller, agent.id);
    await at.sweep();
    refusing.mockRestore();
    expect((await at.agents.get(org.caller, agent.id)).status).toBe('stopped');
    expect((await at.agents.why(org.caller, agent.id)).files).toMatchObject({ errorCode: 'sync_failed', count: 0 });
    await db.database.query('UPDATE agent_workspaces SET next_sync_at = now() WHERE agent_id = $1', [agent.id]);
    await at.files.syncDue(signal);
    expect((await at.agents.why(org.caller, agent.id)).files).toMatchObject({
      errorCode: null,
      storedAt: expect.any(Date),
    });
    const rows = await db.database.query('SELECT path FROM agent_workspace_files WHERE agent_id = $1', [agent.id]);
    expect(rows).toContainEqual({ path: 'a.md' });
    await at.agents.delete(org.caller, agent.id);
    await at.sweep();
  });
});
