import type { Sql, Tx } from '#libs/database';
import type { Logger } from '#libs/observability';
import { IndexFiles } from './index-files.js';
import { TargetSync } from './target-sync.js';
import type { NewVector, VectorHit, VectorQuery, VectorStore, VectorTarget } from './vector-store.js';

export interface MemoryVectorOptions {
  /** Where index files are kept. */
  readonly folder: string;
  /** What the matrices of this program may take together; the target not used for longest goes first. */
  readonly cacheBytes: number;
  /** Up to so many vectors a target are scanned exactly. */
  readonly exactUpTo?: number;
  readonly logger: Logger;
}

const EXACT_UP_TO = 20_000;
/** A filtered search of so few chunks reads their vectors from Postgres instead of asking the index for ever more. */
const MOST_READ = 2_000;

/** Vectors as bytes in Postgres, searched in a thread of this process. */
export class MemoryVectorStore implements VectorStore {
  readonly name = 'memory';
  private readonly targets: TargetSync;
  private readonly exactUpTo: number;

  constructor(
    private readonly sql: Sql,
    options: MemoryVectorOptions,
  ) {
    const { folder, cacheBytes, exactUpTo = EXACT_UP_TO, logger } = options;
    this.exactUpTo = exactUpTo;
    this.targets = new TargetSync(sql, { files: new IndexFiles(folder), cacheBytes, exactUpTo, logger });
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  /** The vectors travel as one value: each by itself would be written out in hex, which took most of the time. */
  async add(tx: Tx, target: VectorTarget, vectors: readonly NewVector[]): Promise<void> {
    const [first] = vectors;
    if (!first) return;
    const [base] = await tx.query<{ before: string }>(
      `WITH base AS (UPDATE knowledge_bases SET vector_head = vector_head + $4 WHERE id = $1 AND org_id = $3
                     RETURNING vector_head - $4 AS before),
            added AS (INSERT INTO knowledge_embeddings (base_id, embedder, seq, org_id, pos, vector)
       SELECT $1, $2, v.seq, $3, base.before + v.nth, substr($6::bytea, 1 + (v.nth::int - 1) * $7::int, $7::int)
         FROM base, unnest($5::int[]) WITH ORDINALITY AS v(seq, nth))
       SELECT before FROM base`,
      [
        ...[target.baseId, target.embedder, target.orgId, vectors.length, vectors.map(({ seq }) => seq)],
        ...[Buffer.concat(vectors.map(({ vector }) => bytesOf(vector))), first.vector.byteLength],
      ],
    );
    if (base) tx.afterCommit(() => this.targets.offer(target, Number(base.before), vectors));
  }

  async search(target: VectorTarget, query: VectorQuery): Promise<VectorHit[]> {
    if (query.only?.length === 0) return [];
    const size = await this.targets.sync(target, this.sql, query.vector.length);
    if (size === undefined) return [];
    if (size > this.exactUpTo && query.only && query.only.length <= MOST_READ)
      return this.read(target, query, query.only);
    return this.targets.search(target, query);
  }

  async near(
    on: Sql,
    target: VectorTarget,
    vectors: readonly Float32Array[],
    threshold: number,
    after = 0,
  ): Promise<boolean[]> {
    const [first] = vectors;
    if (!first) return [];
    if ((await this.targets.sync(target, on, first.length)) === undefined) return vectors.map(() => false);
    return this.targets.near(target, vectors, threshold, after);
  }

  missing(tx: Sql, target: VectorTarget, limit: number): Promise<{ seq: number; text: string }[]> {
    return tx.query(
      `SELECT c.seq, c.text FROM knowledge_chunks c WHERE c.org_id = $1 AND c.base_id = $2 AND NOT EXISTS (
         SELECT 1 FROM knowledge_embeddings e WHERE e.base_id = c.base_id AND e.embedder = $3 AND e.seq = c.seq)
        ORDER BY c.seq LIMIT $4`,
      [target.orgId, target.baseId, target.embedder, limit],
    );
  }

  async keepOnly(tx: Tx, target: VectorTarget): Promise<void> {
    await tx.query('DELETE FROM knowledge_embeddings WHERE org_id = $1 AND base_id = $2 AND embedder <> $3', [
      target.orgId,
      target.baseId,
      target.embedder,
    ]);
  }

  close(): Promise<void> {
    return this.targets.close();
  }

  /** Settles when no index is being built any more. */
  idle(): Promise<void> {
    return this.targets.idle();
  }

  private async read(target: VectorTarget, query: VectorQuery, only: readonly number[]): Promise<VectorHit[]> {
    const rows = await this.sql.query<{ seq: number; vector: Buffer }>(
      `SELECT seq, vector FROM knowledge_embeddings
        WHERE org_id = $1 AND base_id = $2 AND embedder = $3 AND seq = ANY ($4)`,
      [target.orgId, target.baseId, target.embedder, only],
    );
    const hits = rows.map(({ seq, vector }) => ({ seq, similarity: cosine(floatsOf(vector), query.vector) }));
    return hits.sort((a, b) => b.similarity - a.similarity).slice(0, query.limit);
  }
}

const bytesOf = (vector: Float32Array): Buffer => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);

/** The floats of a `bytea`; copied, since pg's buffers share memory and need not be aligned. */
export function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}

const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
