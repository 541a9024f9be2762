import type { Sql } from '#libs/database';
import type { Logger } from '#libs/observability';
import type { IndexFiles } from './index-files.js';
import type { NewVector, VectorHit, VectorQuery, VectorTarget } from './vector-store.js';
import { VectorThread } from './vector-thread-client.js';
import type { Request, Size } from './vector-thread.js';

export interface TargetSyncOptions {
  readonly files: IndexFiles;
  readonly cacheBytes: number;
  readonly exactUpTo: number;
  readonly logger: Logger;
}

/** What this process's thread holds of a target. */
interface Known {
  readonly target: VectorTarget;
  readonly dimensions: number;
  pos: number;
  deletions: number;
  size: Size;
}

const BATCH = 2_000;
/** A file is built anew when so large a part of it is dead, and extended when so much stands beside it. */
const DEAD_SHARE = 0.2;
const TAIL_SHARE = 0.2;
const BYTES_OF_FLOAT = 4;
/** A float, and a byte for the coarse look of `near`. */
const BYTES_OF_NUMBER = 5;
const RETRY_MS = 10 * 60_000;
/** No count of deletions: whoever opens the file looks for what is dead in it. */
const NEVER = -1;

/**
 * Brings the thread up to what Postgres holds before each search: vectors are read on from the last position, and what
 * was deleted is forgotten when the base counts more deletions than before. A target is brought up once at a time.
 */
export class TargetSync {
  private readonly known = new Map<string, Known>();
  private readonly turns = new Map<string, Promise<unknown>>();
  private readonly builds = new Set<Promise<void>>();
  /** Per target, when a build that failed may be tried again. */
  private readonly retryAt = new Map<string, number>();
  private readonly thread = new VectorThread(() => this.known.clear());

  constructor(
    private readonly sql: Sql,
    private readonly options: TargetSyncOptions,
  ) {}

  /** @returns how many vectors the target has; undefined when the organisation has no such base. */
  async sync(target: VectorTarget, on: Sql, dimensions: number): Promise<number | undefined> {
    const key = keyOf(target);
    const known = await this.inTurn(key, () => this.bringUp(key, target, on, dimensions));
    return known && known.size.count + known.size.indexed;
  }

  /**
   * Vectors that this process has stored at the positions after `pos`: the thread need not read them, if it stands there.
   * Where it does not, as when others stored something before, the next look reads them in their order.
   */
  offer(target: VectorTarget, pos: number, vectors: readonly NewVector[]): void {
    const key = keyOf(target);
    if (!this.known.has(key)) return;
    this.inTurn(key, () => this.take(key, pos, vectors)).catch(() => undefined);
  }

  async search(target: VectorTarget, { vector, limit, only }: VectorQuery): Promise<VectorHit[]> {
    const request = { op: 'search', key: keyOf(target), vector, limit, only } as const;
    const hits = await this.asked<[number, number][]>(target, request, vector.length);
    return hits.map(([seq, similarity]) => ({ seq, similarity }));
  }

  async near(
    target: VectorTarget,
    vectors: readonly Float32Array[],
    threshold: number,
    after: number,
  ): Promise<boolean[]> {
    const request = { op: 'near', key: keyOf(target), vectors: joined(vectors), threshold, after } as const;
    const found = await this.asked<Uint8Array>(target, request, vectors[0]?.length ?? 0);
    return [...found].map((value) => value === 1);
  }

  /** A target may have had to make room, or the thread have died, since it was brought up: then once more. */
  private async asked<T>(target: VectorTarget, request: Request, dimensions: number): Promise<T> {
    if (this.known.has(keyOf(target))) {
      const answer = await this.thread.ask<T>(request).catch(() => undefined);
      if (answer !== undefined) return answer;
    }
    await this.sync(target, this.sql, dimensions);
    return this.thread.ask<T>(request);
  }

  async idle(): Promise<void> {
    while (this.builds.size > 0) await Promise.all(this.builds);
  }

  async close(): Promise<void> {
    await this.thread.close();
  }

  private async inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.turns.get(key) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(work);
    this.turns.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.turns.get(key) === turn) this.turns.delete(key);
    }
  }

  private async take(key: string, pos: number, vectors: readonly NewVector[]): Promise<void> {
    const known = this.known.get(key);
    if (known?.pos !== pos || vectors.some(({ vector }) => vector.length !== known.dimensions)) return;
    known.size = await this.append(
      key,
      vectors.map(({ seq }) => seq),
      joined(vectors.map(({ vector }) => vector)),
    );
    known.pos = pos + vectors.length;
    this.buildWhenLarge(key, known);
    this.makeRoom(key);
  }

  private async bringUp(key: string, target: VectorTarget, on: Sql, dimensions: number): Promise<Known | undefined> {
    const [base] = await on.query<{ head: string; deletions: string }>(
      'SELECT vector_head AS head, deletions FROM knowledge_bases WHERE org_id = $1 AND id = $2',
      [target.orgId, target.baseId],
    );
    if (!base) return undefined;
    const known = this.known.get(key) ?? (await this.open(key, target, dimensions));
    this.touch(key, known);
    const [head, deletions] = [Number(base.head), Number(base.deletions)];
    if (head > known.pos) await this.readOn(key, known, on, head);
    if (deletions !== known.deletions) {
      known.size = await this.thread.ask<Size>({ op: 'keep', key, seqs: await this.alive(target, on) });
      known.deletions = deletions;
    }
    this.buildWhenLarge(key, known);
    this.makeRoom(key);
    return known;
  }

  private async open(key: string, target: VectorTarget, dimensions: number): Promise<Known> {
    const { files } = this.options;
    const meta = files.meta(target);
    const fits = meta?.dimensions === dimensions ? meta : undefined;
    const path = fits && files.pathOf(target);
    const size = await this.thread.ask<Size>({ op: 'open', key, dimensions, path });
    const known = { target, dimensions, pos: fits?.pos ?? 0, deletions: fits?.deletions ?? 0, size };
    this.known.set(key, known);
    return known;
  }

  /** Up to `head` and no further: what others add meanwhile would be read again by the next one. */
  private async readOn(key: string, known: Known, on: Sql, head: number): Promise<void> {
    const { orgId, baseId, embedder } = known.target;
    while (known.pos < head) {
      const rows = await on.query<{ seq: number; pos: string; vector: Buffer }>(
        `SELECT seq, pos, vector FROM knowledge_embeddings
          WHERE org_id = $1 AND base_id = $2 AND embedder = $3 AND pos > $4 AND pos <= $5 ORDER BY pos LIMIT ${BATCH}`,
        [orgId, baseId, embedder, known.pos, head],
      );
      const bytes = known.dimensions * BYTES_OF_FLOAT;
      const fitting = rows.filter(({ vector }) => vector.length === bytes);
      if (fitting.length > 0) {
        known.size = await this.append(
          key,
          fitting.map(({ seq }) => seq),
          new Float32Array(new Uint8Array(Buffer.concat(fitting.map(({ vector }) => vector))).buffer),
        );
      }
      known.pos = rows.length < BATCH ? head : Number(rows.at(-1)?.pos ?? head);
    }
  }

  private append(key: string, seqs: readonly number[], vectors: Float32Array): Promise<Size> {
    const numbers = Uint32Array.from(seqs);
    const request = { op: 'append', key, seqs: numbers, vectors } as const;
    return this.thread.ask<Size>(request, [numbers.buffer, vectors.buffer as ArrayBuffer]);
  }

  private async alive({ orgId, baseId, embedder }: VectorTarget, on: Sql): Promise<Uint32Array> {
    const [row] = await on.query<{ seqs: Buffer | null }>(
      `SELECT string_agg(int4send(seq), ''::bytea) AS seqs FROM knowledge_embeddings
        WHERE org_id = $1 AND base_id = $2 AND embedder = $3`,
      [orgId, baseId, embedder],
    );
    const bytes = Buffer.from(row?.seqs ?? []);
    return Uint32Array.from({ length: bytes.length / BYTES_OF_FLOAT }, (_v, n) =>
      bytes.readUInt32BE(n * BYTES_OF_FLOAT),
    );
  }

  private buildWhenLarge(key: string, known: Known): void {
    const { count, indexed, dead } = known.size;
    const limit = Math.max(this.options.exactUpTo, indexed * TAIL_SHARE);
    const isWorn = indexed > 0 && dead > indexed * DEAD_SHARE;
    if ((count <= limit && !isWorn) || (this.retryAt.get(key) ?? 0) > Date.now()) return;
    const release = this.options.files.lock(known.target);
    if (!release) return;
    const work = (isWorn ? this.forget(key, known) : this.build(key, known))
      .then(() => void this.retryAt.delete(key))
      .catch((error: unknown) => {
        this.retryAt.set(key, Date.now() + RETRY_MS);
        this.options.logger.warn('an index could not be built; the exact scan goes on', { key, error });
      })
      .finally(() => {
        release();
        this.builds.delete(work);
      });
    this.builds.add(work);
  }

  private async build(key: string, known: Known): Promise<void> {
    const { files } = this.options;
    const { pos, deletions, dimensions, target } = known;
    const size = await this.thread.ask<Size>({ op: 'build', key, path: files.pathOf(target) });
    files.writeMeta(target, { pos, deletions: size.dead > 0 ? NEVER : deletions, dimensions });
    if (this.known.get(key) === known) known.size = size;
  }

  /** The next search reads everything anew, which leaves the dead out, and builds another file. */
  private async forget(key: string, known: Known): Promise<void> {
    this.options.files.remove(known.target.baseId);
    this.known.delete(key);
    await this.thread.ask({ op: 'drop', key });
  }

  /** The map's order is the order of use. */
  private touch(key: string, known: Known): void {
    this.known.delete(key);
    this.known.set(key, known);
  }

  private makeRoom(inUse: string): void {
    let bytes = [...this.known.values()].reduce((sum, known) => sum + bytesOf(known), 0);
    for (const [key, known] of this.known) {
      if (bytes <= this.options.cacheBytes) return;
      if (key === inUse || this.turns.has(key)) continue;
      bytes -= bytesOf(known);
      this.known.delete(key);
      void this.thread.ask({ op: 'drop', key }).catch(() => undefined);
    }
  }
}

const keyOf = ({ baseId, embedder }: VectorTarget): string => `${baseId}/${embedder}`;

/** Rows of a file are mapped from disk and count as nothing. */
const bytesOf = ({ size, dimensions }: Known): number => size.count * dimensions * BYTES_OF_NUMBER;

function joined(vectors: readonly Float32Array[]): Float32Array {
  const dimensions = vectors[0]?.length ?? 0;
  const all = new Float32Array(vectors.length * dimensions);
  vectors.forEach((vector, n) => all.set(vector, n * dimensions));
  return all;
}
