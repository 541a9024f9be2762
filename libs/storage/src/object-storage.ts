import type { Readable } from 'node:stream';

/** Injection token of the {@link ObjectStorage}. */
export const OBJECT_STORAGE = Symbol('OBJECT_STORAGE');

/** A stored object as a listing shows it. */
export interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

/** One page of a listing, in the order of the keys' bytes. */
export interface ObjectPage {
  readonly objects: readonly StoredObject[];
  /** Where the next page begins (`after`); null on the last one. */
  readonly next: string | null;
}

export interface ListObjects {
  /** Only keys behind this one. */
  readonly after?: string;
  /** Default and most: 1000. */
  readonly limit?: number;
}

/**
 * Keeps bytes under keys, in a folder or in an S3-compatible store. A key is made of segments of lower-case letters,
 * digits, `.`, `_` and `-` between slashes (see `checkKey`), so no key leads out of its prefix.
 *
 * Everything throws DomainError: `validation` for a bad key, `unavailable` with code `storage_unreachable`,
 * `storage_refused` (credentials, rights, bucket) or `storage_failed` when the store does not do it.
 */
export interface ObjectStorage {
  readonly kind: 'folder' | 's3';
  /** Names the place where the bytes lie; the same after a restart, another one for another folder or bucket. */
  identify(): Promise<string>;
  /** Stores the stream's bytes; until all are there, what the key held before stays readable, and so it does on a failure. */
  put(key: string, content: Readable, signal: AbortSignal): Promise<void>;
  /** The bytes. @throws DomainError `not_found`, code `object_missing`; the stream fails when it is cut short. */
  get(key: string, signal: AbortSignal): Promise<Readable>;
  /** Objects below a prefix (empty, or ending in a slash). */
  list(prefix: string, options: ListObjects, signal: AbortSignal): Promise<ObjectPage>;
  /** One that is not there is fine. */
  delete(key: string, signal: AbortSignal): Promise<void>;
  /** Deletes all below a prefix that ends in a slash. */
  deletePrefix(prefix: string, signal: AbortSignal): Promise<void>;
}

export const MOST_LISTED = 1_000;
