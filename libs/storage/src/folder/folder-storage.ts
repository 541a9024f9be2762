import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { link, mkdir, open, readFile, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { checkKey, checkPrefix } from '../keys.js';
import { type ListObjects, MOST_LISTED, type ObjectPage, type ObjectStorage } from '../object-storage.js';
import { objectMissing, storageFailed } from '../storage-errors.js';
import { fileOf, keysBelow } from './folder-layout.js';

const OBJECTS = 'objects';
const DRAFTS = 'drafts';
const ID = 'store-id';
const DRAFT_KEPT_MS = 24 * 3_600_000;
const MOST_TRIES = 3;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/**
 * Objects as files of a folder that nobody else writes. A file appears whole or not at all: it is written beside, flushed
 * to the disk and renamed.
 */
export class FolderStorage implements ObjectStorage {
  readonly kind = 'folder';
  private readonly root: string;
  private opened: Promise<string> | undefined;

  constructor(folder: string) {
    this.root = resolve(folder);
  }

  identify(): Promise<string> {
    this.opened ??= guarded(() => this.open());
    this.opened.catch(() => (this.opened = undefined));
    return this.opened;
  }

  async put(key: string, content: Readable, signal: AbortSignal): Promise<void> {
    checkKey(key);
    await this.identify();
    const draft = join(this.root, DRAFTS, randomUUID());
    try {
      await pipeline(content, createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true }), { signal });
      await guarded(() => this.publish(draft, this.path(key)));
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  async get(key: string, signal: AbortSignal): Promise<Readable> {
    checkKey(key);
    signal.throwIfAborted();
    const file = await this.unlessMissing(open(this.path(key)));
    if (!file) throw objectMissing(key);
    return file.createReadStream({ signal });
  }

  async list(prefix: string, options: ListObjects, signal: AbortSignal): Promise<ObjectPage> {
    checkPrefix(prefix, true);
    const limit = Math.min(options.limit ?? MOST_LISTED, MOST_LISTED);
    const objects = [];
    for await (const key of keysBelow(join(this.root, OBJECTS), prefix, options.after ?? '')) {
      signal.throwIfAborted();
      if (objects.length === limit) return { objects, next: objects.at(-1)?.key ?? null };
      const found = await this.unlessMissing(stat(this.path(key)));
      if (found) objects.push({ key, sizeBytes: found.size, modifiedAt: found.mtime });
    }
    return { objects, next: null };
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    checkKey(key);
    signal.throwIfAborted();
    await guarded(() => rm(this.path(key), { force: true }));
    await this.prune(dirname(this.path(key)));
  }

  async deletePrefix(prefix: string, signal: AbortSignal): Promise<void> {
    checkPrefix(prefix);
    signal.throwIfAborted();
    const folder = join(this.root, OBJECTS, prefix);
    await guarded(() => rm(folder, { recursive: true, force: true, maxRetries: MOST_TRIES }));
    await this.prune(dirname(folder));
  }

  private path(key: string): string {
    return join(this.root, OBJECTS, fileOf(key));
  }

  /** The folder above may be pruned by a deletion this moment: then it is made again. */
  private async publish(draft: string, file: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await mkdir(dirname(file), { recursive: true, mode: 0o700 });
        await rename(draft, file);
        return await flushFolder(dirname(file));
      } catch (error) {
        if (codeOf(error) !== 'ENOENT' || tries === MOST_TRIES) throw error;
      }
    }
  }

  /** Removes folders that are empty, from the inside out. */
  private async prune(folder: string): Promise<void> {
    const top = join(this.root, OBJECTS);
    for (let path = folder; path.startsWith(`${top}/`); path = dirname(path)) {
      try {
        await rmdir(path);
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') return;
      }
    }
  }

  private async open(): Promise<string> {
    for (const name of [OBJECTS, DRAFTS]) await mkdir(join(this.root, name), { recursive: true, mode: 0o700 });
    await this.dropOldDrafts();
    return `folder:${await this.ownId()}`;
  }

  /** Made once, whole, whoever comes first. */
  private async ownId(): Promise<string> {
    const file = join(this.root, ID);
    const draft = join(this.root, DRAFTS, randomUUID());
    await writeFile(draft, randomUUID(), { mode: 0o600, flag: 'wx', flush: true });
    try {
      await link(draft, file);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    } finally {
      await rm(draft, { force: true });
    }
    return (await readFile(file, 'utf8')).trim();
  }

  private async dropOldDrafts(): Promise<void> {
    const folder = join(this.root, DRAFTS);
    for (const name of await readdir(folder)) {
      const found = await this.unlessMissing(stat(join(folder, name)));
      if (found && Date.now() - found.mtimeMs > DRAFT_KEPT_MS) await rm(join(folder, name), { force: true });
    }
  }

  private async unlessMissing<T>(request: Promise<T>): Promise<T | undefined> {
    try {
      return await request;
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
      throw failure(error);
    }
  }
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const failure = (error: unknown): unknown =>
  codeOf(error) === undefined ? error : storageFailed(`the folder answers ${codeOf(error)}`, error);

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failure(error);
  }
}
