import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { S3Settings } from '#libs/config';
import { freePort } from '#libs/testing';
import { objectStorageConformance } from '../conformance/object-storage.conformance-spec.js';
import { type TestS3, startS3 } from '../testing/s3-server.js';
import { S3Storage } from './s3-storage.js';

const signal = new AbortController().signal;

describe('S3Storage', () => {
  objectStorageConformance(async () => {
    const server = await startS3();
    const made: S3Storage[] = [];
    return {
      open: () => {
        made.push(new S3Storage(server.settings));
        return made.at(-1)!;
      },
      close: async () => {
        for (const storage of made) storage.onModuleDestroy();
        await server.stop();
      },
    };
  });
});

describe('S3Storage and who may not', () => {
  let server: TestS3;
  const made: S3Storage[] = [];

  beforeAll(async () => {
    server = await startS3();
    await open().put('kept', Readable.from(['kept']), signal);
  });
  afterAll(async () => {
    for (const storage of made) storage.onModuleDestroy();
    await server.stop();
  });

  const open = (settings: Partial<S3Settings> = {}): S3Storage => {
    made.push(new S3Storage({ ...server.settings, ...settings }));
    return made.at(-1)!;
  };
  const refused = { kind: 'unavailable', code: 'storage_refused' };

  it.each([
    ['a wrong secret', { secretAccessKey: 'not-the-secret-canary' }],
    ['an unknown key', { accessKeyId: 'NOBODY' }],
    ['a bucket that is not there', { bucket: 'nowhere' }],
  ])('is refused with %s, for every call', async (_what, settings: Partial<S3Settings>) => {
    const storage = open(settings);
    await expect(storage.get('kept', signal)).rejects.toMatchObject(refused);
    await expect(storage.list('', {}, signal)).rejects.toMatchObject(refused);
    await expect(storage.put('kept', Readable.from(['changed']), signal)).rejects.toMatchObject(refused);
    await expect(storage.delete('kept', signal)).rejects.toMatchObject(refused);
    await expect(storage.deletePrefix('a/', signal)).rejects.toMatchObject(refused);
    expect(await text(await open().get('kept', signal))).toBe('kept');
  });

  it('repeats neither key nor secret in what it says', async () => {
    const failing = open({ secretAccessKey: 'not-the-secret-canary' }).get('kept', signal);
    const said = await failing.then(String, (error: Error) => `${error.message} ${JSON.stringify(error)}`);
    expect(said).not.toContain('canary');
    expect(said).toContain('SignatureDoesNotMatch');
  });

  it('says that nobody answers', async () => {
    const storage = open({ endpoint: `http://127.0.0.1:${await freePort()}` });
    await expect(storage.get('kept', signal)).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'storage_unreachable',
    });
  });

  it('deletes more than one page of a prefix', async () => {
    const storage = open();
    const keys = Array.from({ length: 1_203 }, (_, i) => `many/${i}`);
    for (let at = 0; at < keys.length; at += 50) {
      await Promise.all(keys.slice(at, at + 50).map((key) => storage.put(key, Readable.from(['x']), signal)));
    }
    await storage.deletePrefix('many/', signal);
    expect((await storage.list('', {}, signal)).objects.map(({ key }) => key)).toEqual(['kept']);
  }, 120_000);
});
