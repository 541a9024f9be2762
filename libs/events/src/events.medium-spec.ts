import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger } from '#libs/observability';
import { newId } from '#libs/kernel';
import { type TestDatabase, eventually, testDatabase, testOrganisation } from '#libs/testing';
import { EventLog } from './event-log.js';
import { ANY_KEY } from './notice-batch.js';
import { Notices } from './notices.js';

let test: TestDatabase;

/** Never asks again by itself: only a ring can end its waits. */
class PatientNotices extends Notices {
  protected override readonly recheckMs = 3_600_000;
}

beforeAll(async () => {
  test = await testDatabase();
});
afterAll(async () => {
  await test.close();
});

describe('Notices', () => {
  const open: Notices[] = [];
  const start = async (kind: typeof Notices = PatientNotices): Promise<Notices> => {
    const notices = new kind({ databaseUrl: test.url }, silentLogger());
    open.push(notices);
    await notices.onModuleInit();
    return notices;
  };
  const heard = (notices: Notices, topic = 'agent'): string[] => {
    const keys: string[] = [];
    notices.subscribe(topic, (key) => keys.push(key));
    return keys;
  };
  const cutConnections = () =>
    test.database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'rookery-notices' AND datname = current_database()`,
    );

  afterEach(async () => {
    await Promise.all(open.splice(0).map((notices) => notices.onApplicationShutdown()));
  });

  it('wakes subscribers of the topic in this and other processes, each once', async () => {
    const [here, there] = await Promise.all([start(), start()]);
    const [near, far, other] = [heard(here), heard(there), heard(there, 'run')];
    here.notify('agent', 'a1');
    expect(near).toEqual(['a1']);
    await eventually(() => far.length > 0);
    there.notify('agent', 'a2');
    await eventually(() => near.length === 2);
    expect([near, far, other]).toEqual([['a1', 'a2'], ['a1', 'a2'], []]);
  });

  it('rings after the commit only', async () => {
    const [here, there] = await Promise.all([start(), start()]);
    const far = heard(there);
    await test.database.transaction(async (tx) => {
      here.notifyAfter(tx, 'agent', 'kept');
      await tx.query('SELECT 1');
      expect(heard(here)).toEqual([]);
    });
    const failing = test.database.transaction((tx) => {
      here.notifyAfter(tx, 'agent', 'dropped');
      return Promise.reject(new Error('no'));
    });
    await expect(failing).rejects.toThrow('no');
    here.notify('agent', 'marker');
    await eventually(() => far.includes('marker'));
    expect(far).toEqual(['kept', 'marker']);
  });

  it('carries thousands of keys and folds repeated ones', async () => {
    const [here, there] = await Promise.all([start(), start()]);
    const far = heard(there);
    const keys = Array.from({ length: 3_000 }, newId);
    for (const key of [...keys, ...keys]) here.notify('agent', key);
    await eventually(() => new Set(far).size === 3_000);
    expect(far.length).toBeLessThan(6_000);
  });

  it('comes back after its connection was cut, tells everyone and loses no later ring', async () => {
    const [here, there] = await Promise.all([start(), start()]);
    const far = heard(there);
    const woken: number[] = [];
    there.subscribeKey('agent', 'a1', () => woken.push(1));
    await cutConnections();
    await eventually(() => !here.connected || far.includes(ANY_KEY));
    here.notify('agent', 'while-away');
    await eventually(() => far.includes(ANY_KEY) && here.connected);
    expect(woken.length).toBeGreaterThan(0);
    here.notify('agent', 'later');
    await eventually(() => far.includes('later'));
  });

  it('stops calling who unsubscribed', async () => {
    const here = await start();
    const keys: string[] = [];
    const unsubscribe = here.subscribe('agent', (key) => keys.push(key));
    here.notify('agent', 'one');
    unsubscribe();
    here.notify('agent', 'two');
    expect(keys).toEqual(['one']);
  });

  describe('until', () => {
    it('gives at once what is already so', async () => {
      const here = await start();
      expect(await here.until('agent', 'a', () => Promise.resolve('yes'), { timeoutMs: 0 })).toBe('yes');
    });

    it('asks again when it is woken by another process', async () => {
      const [here, there] = await Promise.all([start(), start()]);
      let ready = false;
      let asked = 0;
      const waiting = here.until('agent', 'a', () => Promise.resolve(++asked && ready ? 'yes' : undefined), {
        timeoutMs: 60_000,
      });
      ready = true;
      there.notify('agent', 'a');
      expect(await waiting).toBe('yes');
      expect(asked).toBe(2);
    });

    it('loses no ring that comes while it asks', async () => {
      const here = await start();
      let asked = 0;
      const check = async () => {
        asked += 1;
        if (asked === 1) here.notify('agent', 'a');
        return Promise.resolve(asked > 1 ? 'yes' : undefined);
      };
      expect(await here.until('agent', 'a', check, { timeoutMs: 60_000 })).toBe('yes');
    });

    it('asks every second even if nobody rings', async () => {
      const here = await start(Notices);
      let asked = 0;
      const check = () => Promise.resolve(++asked === 2 ? 'yes' : undefined);
      expect(await here.until('agent', 'a', check, { timeoutMs: 60_000 })).toBe('yes');
    });

    it('gives nothing when the time is up or the signal fires, and throws what the check throws', async () => {
      const here = await start();
      const never = () => Promise.resolve(undefined);
      expect(await here.until('agent', 'a', never, { timeoutMs: 10 })).toBeUndefined();
      const leaving = new AbortController();
      const waiting = here.until('agent', 'a', never, { timeoutMs: 60_000, signal: leaving.signal });
      setTimeout(() => leaving.abort(), 10);
      expect(await waiting).toBeUndefined();
      const failing = () => Promise.reject(new Error('broken'));
      await expect(here.until('agent', 'a', failing, { timeoutMs: 10 })).rejects.toThrow('broken');
    });
  });
});

describe('EventLog', () => {
  const thing = async () => {
    const log = new EventLog(test.database);
    const { scope, orgId } = await testOrganisation(test.database);
    const id = newId();
    for (const seq of [1, 2, 3, 4]) {
      const event = { orgId, kind: 'agent', id, seq, type: `t${seq}`, data: { n: seq } };
      await test.database.transaction((tx) => log.append(tx, event));
    }
    const seqs = async (query: Parameters<EventLog['read']>[3]) =>
      (await log.read(scope, 'agent', id, query)).map((event) => event.seq);
    return { log, scope, id, seqs, orgId };
  };

  it('reads after a cursor, from either end, and no more than asked for', async () => {
    const { log, scope, id, seqs } = await thing();
    expect(await seqs({ limit: 10 })).toEqual([1, 2, 3, 4]);
    expect(await seqs({ limit: 2, afterSeq: 1 })).toEqual([2, 3]);
    expect(await seqs({ limit: 2, newestFirst: true })).toEqual([4, 3]);
    const [first] = await log.read(scope, 'agent', id, { limit: 1 });
    expect(first).toEqual({ kind: 'agent', id, seq: 1, type: 't1', data: { n: 1 }, at: expect.any(Date) });
  });

  it('shows another organisation nothing', async () => {
    const { log, id } = await thing();
    const other = await testOrganisation(test.database);
    expect(await log.read(other.scope, 'agent', id, { limit: 10 })).toEqual([]);
  });

  it('refuses a place that is taken', async () => {
    const { log, id, orgId } = await thing();
    const again = { orgId, kind: 'agent', id, seq: 4, type: 'x', data: {} };
    await expect(test.database.transaction((tx) => log.append(tx, again))).rejects.toMatchObject({ code: '23505' });
  });

  it('deletes what is older than the retention in batches', async () => {
    const { log, id, seqs } = await thing();
    await test.database.query(`UPDATE events SET at = now() - interval '9 days' WHERE thing_id = $1 AND seq < 4`, [id]);
    const before = new Date(Date.now() - 7 * 86_400_000);
    expect(await log.deleteBefore(before, 2)).toBe(2);
    expect(await log.deleteBefore(before, 2)).toBe(1);
    expect(await seqs({ limit: 10 })).toEqual([4]);
  });
});
