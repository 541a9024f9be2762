import type { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { S3Settings } from '#libs/config';
import { checkKey, checkPrefix } from '../keys.js';
import { type ListObjects, MOST_LISTED, type ObjectPage, type ObjectStorage } from '../object-storage.js';
import { objectMissing, storageFailed } from '../storage-errors.js';
import { toStorageError } from './s3-errors.js';

/** Parts of a large object; at most two are in memory. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 2;
const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 60_000;
const MOST_ATTEMPTS = 3;

/** Objects in a bucket of an S3-compatible store, which has to exist. */
export class S3Storage implements ObjectStorage {
  readonly kind = 's3';
  private readonly client: S3Client;

  constructor(private readonly settings: S3Settings) {
    this.client = clientOf(settings);
  }

  identify(): Promise<string> {
    const { endpoint, region, bucket } = this.settings;
    return Promise.resolve(`s3:${endpoint === undefined ? region : new URL(endpoint).host}/${bucket}`);
  }

  onModuleDestroy(): void {
    this.client.destroy();
  }

  async put(key: string, content: Readable, signal: AbortSignal): Promise<void> {
    checkKey(key);
    signal.throwIfAborted();
    const upload = new Upload({
      client: this.client,
      params: { ...this.at(key), Body: content },
      partSize: PART_BYTES,
      queueSize: PARTS_AT_ONCE,
    });
    const leave = (): void => void upload.abort().catch(() => undefined);
    signal.addEventListener('abort', leave, { once: true });
    let broken: Error | undefined;
    content.once('error', (error) => (broken = error));
    try {
      await this.asked(key, () => upload.done());
    } catch (error) {
      throw broken ?? error;
    } finally {
      signal.removeEventListener('abort', leave);
      content.destroy();
    }
  }

  async get(key: string, signal: AbortSignal): Promise<Readable> {
    checkKey(key);
    const answer = await this.asked(key, () =>
      this.client.send(new GetObjectCommand(this.at(key)), { abortSignal: signal }),
    );
    if (!answer.Body) throw objectMissing(key);
    return answer.Body as Readable;
  }

  async list(prefix: string, options: ListObjects, signal: AbortSignal): Promise<ObjectPage> {
    checkPrefix(prefix, true);
    const limit = Math.min(options.limit ?? MOST_LISTED, MOST_LISTED);
    const { bucket: Bucket } = this.settings;
    const command = new ListObjectsV2Command({ Bucket, Prefix: prefix, MaxKeys: limit, StartAfter: options.after });
    const answer = await this.asked(prefix, () => this.client.send(command, { abortSignal: signal }));
    const objects = (answer.Contents ?? []).map(({ Key = '', Size = 0, LastModified }) => ({
      key: Key,
      sizeBytes: Size,
      modifiedAt: LastModified ?? new Date(0),
    }));
    return { objects, next: answer.IsTruncated ? (objects.at(-1)?.key ?? null) : null };
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    checkKey(key);
    await this.asked(key, () => this.client.send(new DeleteObjectCommand(this.at(key)), { abortSignal: signal }));
  }

  async deletePrefix(prefix: string, signal: AbortSignal): Promise<void> {
    checkPrefix(prefix);
    for (let page = await this.list(prefix, {}, signal); ; page = await this.list(prefix, {}, signal)) {
      if (page.objects.length === 0) return;
      await this.deleteAll(
        page.objects.map(({ key }) => key),
        signal,
      );
      if (page.next === null) return;
    }
  }

  private async deleteAll(keys: readonly string[], signal: AbortSignal): Promise<void> {
    const Delete = { Quiet: true, Objects: keys.map((Key) => ({ Key })) };
    const command = new DeleteObjectsCommand({ Bucket: this.settings.bucket, Delete });
    const answer = await this.asked(keys[0] ?? '', () => this.client.send(command, { abortSignal: signal }));
    const [failed] = answer.Errors ?? [];
    if (failed) throw storageFailed(`objects could not be deleted (${failed.Code ?? 'unknown'})`);
  }

  private at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.settings.bucket, Key: key };
  }

  private async asked<T>(key: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      throw toStorageError(error, key);
    }
  }
}

function clientOf(settings: S3Settings): S3Client {
  const { accessKeyId, secretAccessKey } = settings;
  const client = new S3Client({
    region: settings.region,
    forcePathStyle: settings.forcePathStyle,
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey } } : {}),
    maxAttempts: MOST_ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: IDLE_TIMEOUT_MS },
    // many compatible stores do not know the newer checksums
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  client.middlewareStack.add(
    (next) => (args) => {
      withoutLastSlash(args.request);
      return next(args);
    },
    { step: 'build', name: 'rookeryBucketAddress' },
  );
  return client;
}

/** Some stores sign a bucket's address as `/bucket` where the SDK sends `/bucket/`; S3 itself takes both. */
function withoutLastSlash(request: unknown): void {
  const address = request as { path: string };
  if (address.path.length > 1 && address.path.endsWith('/')) address.path = address.path.slice(0, -1);
}
