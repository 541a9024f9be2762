import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { objectStorageConformance } from '../conformance/object-storage.conformance-spec.js';
import { FolderStorage } from './folder-storage.js';

const signal = new AbortController().signal;

describe('FolderStorage', () => {
  objectStorageConformance(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-storage-'));
    return {
      open: () => new FolderStorage(folder),
      close: async () => rmSync(folder, { recursive: true }),
    };
  });
});

describe('FolderStorage on its disk', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-storage-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const store = (key: string) => new FolderStorage(folder).put(key, Readable.from(['x']), signal);

  it('lets nobody else read, and leaves neither drafts nor empty folders', async () => {
    await store('a/b/c');
    expect(statSync(join(folder, 'objects', 'a', 'b', '@c')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'objects')).mode & 0o777).toBe(0o700);
    await new FolderStorage(folder).delete('a/b/c', signal);
    expect(readdirSync(join(folder, 'objects'))).toEqual([]);
    expect(readdirSync(join(folder, 'drafts'))).toEqual([]);
  });

  it('keeps a key beside those below it, in the order of their bytes', async () => {
    const keys = ['a', 'a-b', 'a.b', 'a/b', 'a/b/c', 'a0'];
    for (const key of [...keys].reverse()) await store(key);
    const seen: string[] = [];
    for (let after: string | null = ''; after !== null;) {
      const page = await new FolderStorage(folder).list('', { limit: 1, ...(after === '' ? {} : { after }) }, signal);
      seen.push(...page.objects.map(({ key }) => key));
      after = page.next;
    }
    expect(seen).toEqual(keys);
  });

  it('removes drafts that a killed process left, not those of one that works', async () => {
    await store('a');
    const [old, fresh] = ['old', 'fresh'].map((name) => join(folder, 'drafts', name));
    for (const file of [old!, fresh!]) writeFileSync(file, 'x');
    utimesSync(old!, 0, 0);
    await store('b');
    expect(readdirSync(join(folder, 'drafts'))).toEqual(['fresh']);
  });

  it('is one place to all who open it at the same moment', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => new FolderStorage(folder).identify()));
    expect(new Set(ids).size).toBe(1);
  });

  it('says in its own words that the disk refuses', async () => {
    const storage = new FolderStorage(join(folder, 'file', 'below'));
    writeFileSync(join(folder, 'file'), '');
    await expect(storage.put('a', Readable.from(['x']), signal)).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'storage_failed',
    });
  });
});
