import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { newId } from '#libs/kernel';
import type { ObjectStorage, StoredObject } from '../object-storage.js';

/** A place of the suite's own. */
export interface StorageUnderTest {
  /** Another storage on the same place, as a later process opens it. */
  open(): ObjectStorage;
  close(): Promise<void>;
}

const signal = new AbortController().signal;
const MEGABYTE = 1024 * 1024;
/** More than 64 MiB, and no multiple of any block or part. */
const LARGE_BYTES = 70 * MEGABYTE + 13;

/** Bytes that differ everywhere, so that a part lost, doubled or moved shows. */
function* bytesOf(size: number): Generator<Buffer> {
  for (let left = size, block = 0; left > 0; block++) {
    const chunk = Buffer.alloc(Math.min(left, 65_521));
    const pattern = createHash('sha512').update(String(block)).digest();
    for (let at = 0; at < chunk.length; at += pattern.length) pattern.copy(chunk, at);
    left -= chunk.length;
    yield chunk;
  }
}

async function digestOf(stream: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

const streamOf = (text: string | Buffer): Readable => Readable.from([Buffer.from(text)]);

/** What every {@link ObjectStorage} has to do. */
export function objectStorageConformance(make: () => Promise<StorageUnderTest>): void {
  let place: StorageUnderTest;
  let storage: ObjectStorage;
  let prefix: string;

  beforeAll(async () => {
    place = await make();
    storage = place.open();
  });
  beforeEach(() => {
    prefix = `orgs/${newId()}/`;
  });
  afterAll(() => place.close());

  const put = (name: string, text: string | Buffer): Promise<void> =>
    storage.put(`${prefix}${name}`, streamOf(text), signal);
  const get = async (name: string, from = storage): Promise<string> =>
    (await buffer(await from.get(`${prefix}${name}`, signal))).toString();
  const names = (objects: readonly StoredObject[]): string[] => objects.map(({ key }) => key.slice(prefix.length));
  const missing = { kind: 'not_found', code: 'object_missing' };

  it('gives back what was stored, also empty and binary, to this and later processes', async () => {
    const binary = Buffer.from(Array.from({ length: 1024 }, (_, i) => i % 256));
    await put('a/text', 'hello äöü');
    await put('a/empty', '');
    await put('a/binary', binary);
    expect(await get('a/text')).toBe('hello äöü');
    expect(await get('a/empty')).toBe('');
    expect(await buffer(await place.open().get(`${prefix}a/binary`, signal))).toEqual(binary);
    expect(await place.open().identify()).toBe(await storage.identify());
  });

  it('returns a streamed object of more than 64 MiB byte for byte', async () => {
    await storage.put(`${prefix}large`, Readable.from(bytesOf(LARGE_BYTES)), signal);
    const found = await digestOf(await storage.get(`${prefix}large`, signal));
    expect(found).toEqual(await digestOf(bytesOf(LARGE_BYTES)));
    expect((await storage.list(prefix, {}, signal)).objects).toMatchObject([{ sizeBytes: LARGE_BYTES }]);
  }, 120_000);

  it('replaces an object as a whole', async () => {
    await put('x', 'a long first content');
    await put('x', 'short');
    expect(await get('x')).toBe('short');
    expect(names((await storage.list(prefix, {}, signal)).objects)).toEqual(['x']);
  });

  it.each([
    ['fails', 100],
    ['fails after many parts', 20 * MEGABYTE],
  ])('keeps what was there when the new content %s', async (_how, bytes) => {
    await put('x', 'kept');
    async function* broken(): AsyncGenerator<Buffer> {
      yield* bytesOf(bytes);
      throw new Error('the source broke');
    }
    await expect(storage.put(`${prefix}x`, Readable.from(broken()), signal)).rejects.toThrow('the source broke');
    await expect(storage.put(`${prefix}y`, Readable.from(broken()), signal)).rejects.toThrow('the source broke');
    expect(await get('x')).toBe('kept');
    expect(names((await storage.list(prefix, {}, signal)).objects)).toEqual(['x']);
  });

  it('breaks off a content that stalls when the signal fires, and stores nothing', async () => {
    const stop = new AbortController();
    async function* stalling(): AsyncGenerator<Buffer> {
      yield Buffer.from('begin');
      await new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
      yield Buffer.from('end');
    }
    const storing = storage.put(`${prefix}x`, Readable.from(stalling()), stop.signal);
    setImmediate(() => stop.abort());
    await expect(storing).rejects.toThrow();
    await expect(get('x')).rejects.toMatchObject(missing);
  });

  it('tells that nothing is there', async () => {
    await expect(get('nothing')).rejects.toMatchObject(missing);
    await expect(get('nothing/below')).rejects.toMatchObject(missing);
  });

  it('deletes one, and what is not there', async () => {
    await put('a/x', '1');
    await put('a/y', '2');
    await storage.delete(`${prefix}a/x`, signal);
    await storage.delete(`${prefix}a/x`, signal);
    await expect(get('a/x')).rejects.toMatchObject(missing);
    expect(await get('a/y')).toBe('2');
  });

  it('lists in the order of keys, page by page', async () => {
    const all = ['a-b', 'a0', 'b/1', 'b/10', 'b/2', 'b/20/x', 'b/20/y', 'c'];
    for (const name of [...all].reverse()) await put(name, name);
    for (const limit of [1, 3, 10, 1000]) {
      const seen: string[] = [];
      for (let after: string | null = ''; after !== null;) {
        const page = await storage.list(prefix, { limit, ...(after === '' ? {} : { after }) }, signal);
        expect(page.objects.length).toBeLessThanOrEqual(limit);
        seen.push(...names(page.objects));
        after = page.next;
      }
      expect(seen).toEqual(all);
    }
    expect(names((await storage.list(`${prefix}b/`, {}, signal)).objects)).toEqual([
      'b/1',
      'b/10',
      'b/2',
      'b/20/x',
      'b/20/y',
    ]);
    expect((await storage.list(`${prefix}none/`, {}, signal)).objects).toEqual([]);
    const [first] = (await storage.list(prefix, { limit: 1 }, signal)).objects;
    expect(first?.sizeBytes).toBe('a-b'.length);
    expect(Math.abs(Date.now() - (first?.modifiedAt.getTime() ?? 0))).toBeLessThan(60_000);
  });

  it('deletes a prefix and nothing beside it', async () => {
    for (const name of ['a/1', 'a/b/2', 'ab/3', 'a']) await put(name, name);
    await storage.deletePrefix(`${prefix}a/`, signal);
    await storage.deletePrefix(`${prefix}a/`, signal);
    expect(names((await storage.list(prefix, {}, signal)).objects)).toEqual(['a', 'ab/3']);
  });

  it('stores, reads and deletes many at once', async () => {
    const all = Array.from({ length: 40 }, (_, i) => `d/${String(i).padStart(2, '0')}/x`);
    await Promise.all(all.map((name) => put(name, name)));
    expect(await Promise.all(all.map((name) => get(name)))).toEqual(all);
    await Promise.all(all.map((name) => storage.delete(`${prefix}${name}`, signal)));
    expect((await storage.list(prefix, {}, signal)).objects).toEqual([]);
  });

  it.each(['', '/', '/etc/passwd', '../x', 'a/../b', 'a//b', 'a/', 'a/.', '.a', 'A', 'a b', 'a\\b', 'a\nb', 'ä', '@a'])(
    'refuses the key %j',
    async (key) => {
      const refused = { kind: 'validation', code: 'storage_key' };
      await expect(storage.put(key, streamOf('x'), signal)).rejects.toMatchObject(refused);
      await expect(storage.get(key, signal)).rejects.toMatchObject(refused);
      await expect(storage.delete(key, signal)).rejects.toMatchObject(refused);
    },
  );

  it.each(['', '/', 'a', '../', 'a/../', 'orgs//'])('refuses to delete the prefix %j', async (bad) => {
    await expect(storage.deletePrefix(bad, signal)).rejects.toMatchObject({ code: 'storage_key' });
  });

  it('does nothing once the signal has fired', async () => {
    await put('x', 'kept');
    const fired = AbortSignal.abort();
    await expect(storage.put(`${prefix}x`, streamOf('new'), fired)).rejects.toThrow();
    await expect(storage.get(`${prefix}x`, fired)).rejects.toThrow();
    await expect(storage.deletePrefix(prefix, fired)).rejects.toThrow();
    expect(await get('x')).toBe('kept');
  });

  describe('and nothing of one prefix', () => {
    it('is seen below another', async () => {
      await put('x', 'mine');
      expect((await storage.list(`orgs/${newId()}/`, {}, signal)).objects).toEqual([]);
    });
  });
}
