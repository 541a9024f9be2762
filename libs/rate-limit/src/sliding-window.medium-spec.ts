import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database, type Sql, openDataSource } from '#libs/database';
import { newId } from '#libs/kernel';
import { type TestDatabase, testDatabase } from '#libs/testing';
import { SlidingWindow, type Verdict } from './sliding-window.js';

let db: TestDatabase;
let other: Database;
beforeAll(async () => {
  db = await testDatabase();
  other = new Database(await openDataSource(db.url));
}, 60_000);
afterAll(async () => {
  await other.dataSource.destroy();
  await db.close();
});

const granted = (verdicts: readonly { granted: boolean }[]): number => verdicts.filter((v) => v.granted).length;
const times = <T>(n: number, work: () => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: n }, work));

/** Moves what was counted into the past. */
const age = (key: string, ms: number): Promise<unknown> =>
  db.database.query(
    'UPDATE rate_limits SET slots = (SELECT array_agg(s - $2::bigint) FROM unnest(slots) s) WHERE key = $1',
    [key, ms],
  );

describe('SlidingWindow', () => {
  it.each([60, 5_000])('grants exactly the limit (%i) to two processes that ask at once', async (limit) => {
    const key = newId();
    const [one, two] = [new SlidingWindow(db.database), new SlidingWindow(other)];
    const verdicts = await times(limit, () => Promise.all([one.take(key, limit), two.take(key, limit)]));
    expect(granted(verdicts.flat())).toBe(limit);
    expect((await one.take(key, limit)).granted).toBe(false);
  });

  it('counts down, then refuses with the time the oldest request leaves the window', async () => {
    const key = newId();
    const window = new SlidingWindow(db.database);
    const verdicts = [await window.take(key, 2), await window.take(key, 2), await window.take(key, 2)];
    expect(verdicts.map(({ granted, remaining }) => [granted, remaining])).toEqual([
      [true, 1],
      [true, 0],
      [false, 0],
    ]);
    const nowSeconds = Date.now() / 1_000;
    const [, , refused] = verdicts;
    expect(refused?.retryAfterSeconds).toBeGreaterThan(50);
    expect(refused?.resetAtSeconds).toBeGreaterThan(nowSeconds + 50);
    expect(refused?.resetAtSeconds).toBeLessThan(nowSeconds + 62);
  });

  it('settles requests of one key that wait for each other together', async () => {
    const statements: unknown[] = [];
    const counting: Sql = {
      query: (text, values) => db.database.query(text, values),
      named: (name, text, values) => {
        statements.push(values?.[3]);
        return db.database.named(name, text, values);
      },
    };
    const [key, window] = [newId(), new SlidingWindow(counting)];
    const verdicts = await times(50, () => window.take(key, 100));
    expect(statements).toEqual([1, 49]);
    expect(verdicts.map(({ remaining }) => remaining)).toEqual(Array.from({ length: 50 }, (_, n) => 99 - n));
  });

  it('gives room again as requests leave the window, one by one', async () => {
    const key = newId();
    const ask = (): Promise<Verdict> => new SlidingWindow(db.database).take(key, 2);
    await ask();
    await age(key, 40_000);
    await ask();
    expect((await ask()).granted).toBe(false);
    await age(key, 20_002);
    expect(await ask()).toMatchObject({ granted: true, remaining: 0 });
    expect((await ask()).granted).toBe(false);
  });

  it('never lets a window hold more than the limit, wherever it begins', async () => {
    const [key, limit, windowMs] = [newId(), 5, 300];
    const windows = [new SlidingWindow(db.database, windowMs), new SlidingWindow(other, windowMs)];
    const grantedAtMs: number[] = [];
    const until = Date.now() + 1_500;
    const ask = async (window: SlidingWindow): Promise<void> => {
      while (Date.now() < until) {
        const sentAtMs = performance.now();
        if ((await window.take(key, limit)).granted) grantedAtMs.push((sentAtMs + performance.now()) / 2);
        await sleep(2);
      }
    };
    await Promise.all(windows.flatMap((window) => [ask(window), ask(window)]));
    const rows = await db.database.query<{ counts: number[] }>('SELECT counts FROM rate_limits WHERE key = $1', [key]);
    expect(rows[0]?.counts.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(limit);
    expect(grantedAtMs.length).toBeGreaterThan(limit);
    expect(grantedAtMs.length).toBeLessThanOrEqual(limit * 6);
  });

  it('asks without counting', async () => {
    const key = newId();
    const window = new SlidingWindow(db.database);
    await window.take(key, 3);
    expect(await window.used(key, 3)).toMatchObject({ remaining: 2 });
    expect(await window.used(key, 3)).toMatchObject({ remaining: 2 });
  });

  it('keeps rows small however high the limit is', async () => {
    const key = newId();
    const window = new SlidingWindow(db.database);
    for (let n = 0; n < 50; n += 1) await window.take(key, 1_000_000);
    const [row] = await db.database.query<{ slots: number }>(
      'SELECT cardinality(slots) AS slots FROM rate_limits WHERE key = $1',
      [key],
    );
    expect(row?.slots).toBeLessThanOrEqual(3);
  });

  it('forgets keys that have been idle for two windows', async () => {
    const [idle, busy] = [newId(), newId()];
    const window = new SlidingWindow(db.database);
    await Promise.all([window.take(idle, 5), window.take(busy, 5)]);
    await db.database.query(`UPDATE rate_limits SET updated_at = now() - interval '3 minutes' WHERE key = $1`, [idle]);
    await window.sweep();
    const rows = await db.database.query<{ key: string }>('SELECT key FROM rate_limits WHERE key = ANY($1)', [
      [idle, busy],
    ]);
    expect(rows).toEqual([{ key: busy }]);
  });

  it('keeps keys of a longer window, whoever sweeps', async () => {
    const key = newId();
    const hour = new SlidingWindow(db.database, 3_600_000);
    await hour.take(key, 2);
    await db.database.query(`UPDATE rate_limits SET updated_at = now() - interval '90 minutes' WHERE key = $1`, [key]);
    await new SlidingWindow(db.database).sweep();
    expect(await hour.used(key, 2)).toMatchObject({ remaining: 1 });
  });
});
