import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeHost } from '#libs/containers';
import type { Caller } from '#libs/kernel';
import { silentLogger } from '#libs/observability';
import { OBJECT_STORAGE, type ObjectStorage } from '#libs/storage';
import { type TestDatabase, type TestOrganisation, testDatabase, testOrganisation } from '#libs/testing';
import { AgentJournal } from '../agent-journal.js';
import { type AgentsFixture, agentsFixture, demoAgent } from '../testing/agents-fixture.js';
import { HostEvacuation } from './host-evacuation.js';
import { HostsRepository } from './hosts.repository.js';
import { HostsService } from './hosts.service.js';
import { HostSession } from './host-session.js';

const signal = new AbortController().signal;

describe('hosts and their agents', () => {
  let db: TestDatabase;
  let org: TestOrganisation;
  let admin: Caller;
  let a: AgentsFixture;
  let b: AgentsFixture;
  let onA: FakeHost;
  let onB: FakeHost;
  let nowMs = 0;

  beforeAll(async () => {
    db = await testDatabase();
    org = await testOrganisation(db.database);
    admin = { ...org.caller, isPlatformAdmin: true };
  });
  beforeEach(async () => {
    onA = new FakeHost();
    onB = new FakeHost();
    a = await open('host-a', onA);
    b = await open('host-b', onB);
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await a.close();
    await b.close();
    await db.database.query(`UPDATE agents SET status = 'deleted', desired_state = 'deleted', next_host_id = NULL`);
    await db.database.query('UPDATE hosts SET draining = false');
  });
  afterAll(() => db.close());

  const open = (id: string, host: FakeHost, capacity = 50): Promise<AgentsFixture> =>
    agentsFixture(db, host, db.config({ runtime: 'fake', host: { id }, agent: { capacity } }));

  /** An agent that runs on host A and has written something that is stored. */
  async function agentOnA(input = {}): Promise<string> {
    await db.database.query(`UPDATE hosts SET draining = (id <> 'host-a')`);
    const { id } = await a.agents.create(org.caller, demoAgent(input));
    await db.database.query('UPDATE hosts SET draining = false');
    await a.reconciler.reconcile(id);
    onA.agents.get(id)!.workspace.set('notes.md', 'what I learned');
    expect(await a.files.syncNow(id, signal)).toBe('stored');
    return id;
  }
  const row = async (id: string) => {
    const [found] = await db.database.query<Record<string, unknown>>('SELECT * FROM agents WHERE id = $1', [id]);
    return found!;
  };
  const evacuation = (): HostEvacuation => {
    const of = <T>(type: new (...values: never[]) => T): T => b.app.get<T>(type, { strict: false });
    return new HostEvacuation(db.database, of(HostsRepository), of(AgentJournal), silentLogger());
  };
  /** Watches for that long, while host B beats and host A does only if said. */
  async function watch(by: HostEvacuation, seconds: number, aBeats = false): Promise<void> {
    for (let at = 0; at <= seconds; at += 5, nowMs += 5_000) {
      await b.session.beat();
      if (aBeats) await a.session.beat();
      await by.watch(nowMs);
    }
  }
  const lastLookMs = (): number => nowMs - 5_000;
  async function lose(by = evacuation()): Promise<HostEvacuation> {
    await watch(by, 35);
    await by.run(signal, lastLookMs());
    return by;
  }

  it('moves the agents of a dead host with their stored files, and voids the copies there', async () => {
    const [running, stopped] = [await agentOnA(), await agentOnA()];
    await a.agents.stop(org.caller, stopped);
    await a.sweep();
    const before = await row(running);
    const by = evacuation();
    await watch(by, 25);
    await by.run(signal, lastLookMs());
    expect((await row(running)).host_id).toBe('host-a');
    await lose(by);
    expect(await row(running)).toMatchObject({ host_id: 'host-b', status: 'restarting', instance_epoch: null });
    expect(Number((await row(running)).epoch)).toBeGreaterThan(Number(before.epoch));
    expect(await row(stopped)).toMatchObject({ host_id: 'host-b', status: 'stopped' });
    await b.sweep();
    expect(await row(running)).toMatchObject({ status: 'running', next_attempt_at: null });
    expect(onB.agents.get(running)!.workspace.get('notes.md')).toBe('what I learned');
    const { transitions } = await b.agents.why(org.caller, running);
    expect(transitions.map(({ cause }) => cause)).toContain('host host-a is lost; moved to host host-b');
  });

  it('gives a host that comes back nothing to do but to remove its stale copies', async () => {
    const id = await agentOnA();
    await lose();
    await a.watcher.watch(signal);
    expect(onA.agents.get(id)!.instance).toBeUndefined();
    expect(onA.agents.get(id)!.workspace.get('notes.md')).toBe('what I learned');
    await b.sweep();
    await a.session.beat();
    await a.watcher.watch(signal);
    expect(onA.agents.has(id)).toBe(false);
    expect((await b.runtime.inspect(id)).status).toBe('running');
    expect(await row(id)).toMatchObject({ host_id: 'host-b', status: 'running' });
    expect((await new HostsRepository(db.database).find('host-a'))?.state).toBe('alive');
  });

  it('says so when there is no room elsewhere, and goes on when the host is back', async () => {
    await b.close();
    b = await open('host-b', onB, 1);
    const ids = [await agentOnA(), await agentOnA()];
    const by = await lose();
    const states = await Promise.all(ids.map(row));
    expect(states.map((found) => found.host_id).sort()).toEqual(['host-a', 'host-b']);
    const left = String(states.find((found) => found.host_id === 'host-a')!.id);
    const why = await b.agents.why(org.caller, left);
    expect(why).toMatchObject({
      observed: { status: 'error' },
      category: 'host_lost',
      command: null,
      lastError: 'Host host-a does not answer, and no other host has room in region eu',
      host: { id: 'host-a', alive: false },
    });
    const events = why.transitions.length;
    await by.run(signal, lastLookMs());
    expect((await b.agents.why(org.caller, left)).transitions).toHaveLength(events);
    await a.session.beat();
    await a.sweep();
    expect(await row(left)).toMatchObject({ status: 'running', host_id: 'host-a', error_category: null });
    expect(onA.agents.get(left)!.workspace.get('notes.md')).toBe('what I learned');
  });

  it('takes no host for dead whose beat came back meanwhile', async () => {
    const id = await agentOnA();
    const by = evacuation();
    await watch(by, 25);
    await watch(by, 30, true);
    await by.run(signal, lastLookMs());
    expect((await row(id)).host_id).toBe('host-a');
  });

  it('does not move an agent to where nothing isolates it', async () => {
    const id = await agentOnA();
    await db.database.query(`UPDATE hosts SET runtime = 'docker' WHERE id = 'host-a'`);
    await lose();
    expect(await row(id)).toMatchObject({ host_id: 'host-a', error_category: 'host_lost' });
  });

  it('erases an agent whose host died while it was being deleted', async () => {
    const id = await agentOnA();
    await a.agents.delete(org.caller, id);
    await lose();
    await b.sweep();
    expect((await row(id)).status).toBe('deleted');
    await a.watcher.watch(signal);
    expect(onA.agents.has(id)).toBe(false);
  });

  it('writes nothing and starts nothing when it wakes after others took its agents', async () => {
    const id = await agentOnA();
    await a.agents.restart(org.caller, id);
    const starts: string[] = [];
    let frozen = false;
    a.runtime.before = async (step) => {
      if (frozen) starts.push(step);
      if (step !== 'inspect' || frozen) return;
      frozen = true;
      // what a SIGSTOP of 60 s looks like from inside: the clocks have gone on, the world too
      await lose();
      await b.sweep();
      const wall = Date.now();
      jest.spyOn(Date, 'now').mockReturnValue(wall + 60_000);
      starts.length = 0;
    };
    await a.reconciler.reconcile(id);
    expect(starts).toEqual([]);
    expect(await row(id)).toMatchObject({ host_id: 'host-b', status: 'running' });
  });

  describe('draining', () => {
    const hosts = (): HostsService => b.app.get(HostsService);

    async function drain(): Promise<void> {
      for (let round = 0; round < 20; round++) {
        await evacuation().run(signal, lastLookMs());
        await a.sweep();
        await b.sweep();
      }
    }

    it('stops, stores and starts agents elsewhere, a few at once', async () => {
      const ids: string[] = [];
      for (let nr = 0; nr < 6; nr++) ids.push(await agentOnA());
      onA.agents.get(ids[0]!)!.workspace.set('notes.md', 'written at last');
      await hosts().drain(admin, 'host-a', true);
      await evacuation().run(signal, lastLookMs());
      expect(await hosts().get(admin, 'host-a')).toMatchObject({ state: 'draining', agents: 6, leaving: 4 });
      await drain();
      expect(await hosts().get(admin, 'host-a')).toMatchObject({ agents: 0, leaving: 0 });
      for (const id of ids) expect(await row(id)).toMatchObject({ host_id: 'host-b', status: 'running' });
      expect(onB.agents.get(ids[0]!)!.workspace.get('notes.md')).toBe('written at last');
      await a.watcher.watch(signal);
      expect([...onA.agents.keys()]).toEqual([]);
      const { transitions } = await b.agents.why(org.caller, ids[0]!);
      expect(transitions.map(({ cause }) => cause)).toEqual(
        expect.arrayContaining(['leaves host host-a for host-b', 'moved from host host-a to host host-b']),
      );
    });

    it('keeps an agent whose files cannot be stored', async () => {
      const id = await agentOnA();
      const storage = a.app.get<ObjectStorage>(OBJECT_STORAGE);
      jest.spyOn(storage, 'put').mockRejectedValue(new Error('The disk is full'));
      onA.agents.get(id)!.workspace.set('notes.md', 'newer');
      await hosts().drain(admin, 'host-a', true);
      await drain();
      expect(await row(id)).toMatchObject({ host_id: 'host-a', status: 'running', next_host_id: null });
      expect(onA.agents.get(id)!.workspace.get('notes.md')).toBe('newer');
    });

    it('moves nothing while nobody else has room, and nothing more when it is called off', async () => {
      const id = await agentOnA();
      await hosts().drain(admin, 'host-a', true);
      await hosts().drain(admin, 'host-b', true);
      await evacuation().run(signal, lastLookMs());
      expect((await row(id)).next_host_id).toBeNull();
      await expect(a.agents.create(org.caller, demoAgent())).rejects.toMatchObject({ code: 'no_capacity' });
      await hosts().drain(admin, 'host-b', false);
      await evacuation().run(signal, lastLookMs());
      expect((await row(id)).next_host_id).toBe('host-b');
      await hosts().drain(admin, 'host-a', false);
      await drain();
      expect(await row(id)).toMatchObject({ host_id: 'host-a', status: 'running', next_host_id: null });
    });

    it('rescues an agent whose next host died on the way', async () => {
      const id = await agentOnA();
      await hosts().drain(admin, 'host-a', true);
      await evacuation().run(signal, lastLookMs());
      await hosts().drain(admin, 'host-a', false);
      await db.database.query(`UPDATE agents SET next_host_id = 'host-b' WHERE id = $1`, [id]);
      await a.sweep();
      expect((await row(id)).host_id).toBe('host-b');
      await db.database.query(`UPDATE hosts SET dead_since = now() WHERE id = 'host-b'`);
      await evacuation().run(signal, lastLookMs());
      await a.sweep();
      expect(await row(id)).toMatchObject({ host_id: 'host-a', status: 'running' });
      expect(onA.agents.get(id)!.workspace.get('notes.md')).toBe('what I learned');
    });

    it('is for platform admins alone', async () => {
      await expect(hosts().list(org.caller, { limit: 10, offset: 0 })).rejects.toMatchObject({ kind: 'forbidden' });
      await expect(hosts().drain(org.caller, 'host-a', true)).rejects.toMatchObject({ kind: 'forbidden' });
      await expect(hosts().drain(admin, 'host-x', true)).rejects.toMatchObject({ kind: 'not_found' });
      const { items, total } = await hosts().list(admin, { limit: 1, offset: 1 });
      expect([items.map(({ id }) => id), total]).toEqual([['host-b'], 2]);
    });
  });

  it('has the lease only as long as its beats arrive', async () => {
    const { session } = a as { session: HostSession };
    expect(session.holdsLease).toBe(true);
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 20_000);
    expect(session.holdsLease).toBe(false);
    await session.beat();
    expect(session.holdsLease).toBe(true);
  });
});
