import { describe, expect, it } from '@jest/globals';
import type { Caller } from '#libs/kernel';
import { CallerCache, type Lookup } from './caller-cache.js';

const caller = (subject: string): Caller => ({
  kind: 'user',
  subject,
  orgId: 'o',
  role: 'OWNER',
  scopes: [],
  isPlatformAdmin: false,
});

/** Answers `lookup` and counts how often it was asked. */
function counted(lookup: () => Lookup): { load: () => Promise<Lookup>; calls: () => number } {
  let calls = 0;
  return {
    load: async () => {
      calls += 1;
      return lookup();
    },
    calls: () => calls,
  };
}

describe('CallerCache', () => {
  it('asks once while an entry is fresh and again when it is 5 s old', async () => {
    let nowMs = 0;
    const cache = new CallerCache(5_000, 10, () => nowMs);
    const source = counted(() => ({ caller: caller('user:1'), tags: ['user:1'] }));
    await cache.get('k', source.load);
    nowMs = 4_999;
    await cache.get('k', source.load);
    expect(source.calls()).toBe(1);
    nowMs = 5_000;
    await cache.get('k', source.load);
    expect(source.calls()).toBe(2);
  });

  it('shares one lookup between those who ask at once', async () => {
    const cache = new CallerCache();
    const source = counted(() => ({ caller: caller('user:1'), tags: [] }));
    await Promise.all([cache.get('k', source.load), cache.get('k', source.load)]);
    expect(source.calls()).toBe(1);
  });

  it('remembers that a credential is not valid', async () => {
    const cache = new CallerCache();
    const source = counted(() => ({ caller: undefined, tags: [] }));
    expect([await cache.get('k', source.load), await cache.get('k', source.load)]).toEqual([undefined, undefined]);
    expect(source.calls()).toBe(1);
  });

  it('forgets what a tag touches, and only that', async () => {
    const cache = new CallerCache();
    const one = counted(() => ({ caller: caller('user:1'), tags: ['user:1', 'session'] }));
    const two = counted(() => ({ caller: caller('user:2'), tags: ['user:2'] }));
    const both = (): Promise<unknown> => Promise.all([cache.get('1', one.load), cache.get('2', two.load)]);
    await both();
    cache.drop('session');
    await both();
    expect([one.calls(), two.calls()]).toEqual([2, 1]);
  });

  it('does not keep a lookup that began before a drop', async () => {
    const cache = new CallerCache();
    let finish: (lookup: Lookup) => void = () => undefined;
    const stale = cache.get('k', () => new Promise((resolve) => (finish = resolve)));
    cache.drop('user:1');
    const fresh = counted(() => ({ caller: undefined, tags: [] }));
    expect(await cache.get('k', fresh.load)).toBeUndefined();
    finish({ caller: caller('user:1'), tags: ['user:1'] });
    await stale;
    expect(await cache.get('k', fresh.load)).toBeUndefined();
    expect(fresh.calls()).toBe(1);
  });

  it('does not keep failures', async () => {
    const cache = new CallerCache();
    await expect(cache.get('k', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    expect(await cache.get('k', async () => ({ caller: caller('user:1'), tags: [] }))).toBeDefined();
  });

  it('holds at most its capacity', async () => {
    const cache = new CallerCache(5_000, 2);
    const first = counted(() => ({ caller: caller('user:1'), tags: ['user:1'] }));
    const lookup = async (): Promise<Lookup> => ({ caller: caller('user:2'), tags: ['user:2'] });
    await cache.get('1', first.load);
    await cache.get('2', lookup);
    await cache.get('3', lookup);
    await cache.get('1', first.load);
    expect(first.calls()).toBe(2);
  });

  it('forgets everything when notices may have been missed', async () => {
    const cache = new CallerCache();
    const source = counted(() => ({ caller: caller('user:1'), tags: [] }));
    await cache.get('k', source.load);
    cache.clear();
    await cache.get('k', source.load);
    expect(source.calls()).toBe(2);
  });
});
