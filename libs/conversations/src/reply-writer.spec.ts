import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ReplyWriter } from './reply-writer.js';

/** Stores as the SQL does: text goes in only at the length it was meant for. */
function memoryStore() {
  const store = {
    content: '',
    isRunning: true,
    writes: 0,
    /** Fails before or after the write took place. */
    failures: [] as ('before' | 'after')[],
    append: (text: string, at: number): Promise<boolean> => {
      store.writes += 1;
      const failure = store.failures.shift();
      if (failure === 'before') return Promise.reject(new Error('down'));
      if (store.isRunning && Buffer.byteLength(store.content) === at) store.content += text;
      return failure === 'after' ? Promise.reject(new Error('down')) : Promise.resolve(store.isRunning);
    },
  };
  return store;
}

describe('ReplyWriter', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('gathers text for a second and leaves the rest to the close', async () => {
    const store = memoryStore();
    const writer = new ReplyWriter(store, () => undefined);
    ['ä', 'b', 'c'].forEach((text) => writer.add(text));
    expect(store.writes).toBe(0);
    await jest.advanceTimersByTimeAsync(1_000);
    expect([store.content, store.writes]).toEqual(['äbc', 1]);
    writer.add('d');
    expect(await writer.finish()).toEqual({ rest: 'd', at: 4 });
    await jest.advanceTimersByTimeAsync(5_000);
    expect(store.writes).toBe(1);
  });

  it('does not wait with a large batch', async () => {
    const store = memoryStore();
    const writer = new ReplyWriter(store, () => undefined);
    writer.add('x'.repeat(70_000));
    await jest.advanceTimersByTimeAsync(0);
    expect(store.content).toHaveLength(70_000);
  });

  it.each(['before', 'after'] as const)(
    'neither drops nor doubles text when Postgres fails %s writing',
    async (when) => {
      const store = memoryStore();
      store.failures = [when, when];
      const writer = new ReplyWriter(store, () => undefined);
      writer.add('one ');
      await jest.advanceTimersByTimeAsync(1_000);
      writer.add('two ');
      await jest.advanceTimersByTimeAsync(4_000);
      writer.add('three');
      const { rest, at } = await writer.finish();
      expect(store.content + rest).toBe('one two three');
      expect(at).toBe(store.content.length);
    },
  );

  it('tells once when somebody else ended the run, and stores nothing more', async () => {
    const store = memoryStore();
    let told = 0;
    const writer = new ReplyWriter(store, () => (told += 1));
    store.isRunning = false;
    writer.add('a');
    await jest.advanceTimersByTimeAsync(1_000);
    writer.add('b');
    await jest.advanceTimersByTimeAsync(5_000);
    expect([told, store.writes, store.content]).toEqual([1, 1, '']);
  });
});
