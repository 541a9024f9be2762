import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { VectorTarget } from './vector-store.js';

/** How far a file goes: every vector up to `pos`, without those that were gone at `deletions`. */
export interface IndexMeta {
  readonly pos: number;
  readonly deletions: number;
  readonly dimensions: number;
}

/** Longer than any build takes. */
const STALE_LOCK_MS = 30 * 60_000;

/** Index files of a data folder, shared by its programs: `vectors/<base>/<embedder>.usearch` with what is in it beside. */
export class IndexFiles {
  constructor(private readonly folder: string) {}

  pathOf({ baseId, embedder }: VectorTarget): string {
    const name = createHash('sha256').update(embedder).digest('hex').slice(0, 16);
    return join(this.folder, baseId, `${name}.usearch`);
  }

  /** Undefined when there is no whole file. */
  meta(target: VectorTarget): IndexMeta | undefined {
    try {
      const path = this.pathOf(target);
      return existsSync(path) ? (JSON.parse(readFileSync(`${path}.json`, 'utf8')) as IndexMeta) : undefined;
    } catch {
      return undefined;
    }
  }

  writeMeta(target: VectorTarget, meta: IndexMeta): void {
    const path = `${this.pathOf(target)}.json`;
    writeFileSync(`${path}.draft`, JSON.stringify(meta), { mode: 0o600 });
    renameSync(`${path}.draft`, path);
  }

  /** So that only one program builds a file; undefined when another does. @returns what releases it. */
  lock(target: VectorTarget): (() => void) | undefined {
    const path = `${this.pathOf(target)}.lock`;
    mkdirSync(join(this.folder, target.baseId), { recursive: true, mode: 0o700 });
    try {
      if (Date.now() - statSync(path).mtimeMs > STALE_LOCK_MS) rmSync(path, { force: true });
    } catch {
      // There is none.
    }
    try {
      closeSync(openSync(path, 'wx', 0o600));
      return () => rmSync(path, { force: true });
    } catch {
      return undefined;
    }
  }

  remove(baseId: string): void {
    rmSync(join(this.folder, baseId), { recursive: true, force: true });
  }
}
