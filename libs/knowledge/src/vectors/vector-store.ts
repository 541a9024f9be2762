import type { Sql, Tx } from '#libs/database';

/** The vectors of one knowledge base by one embedder: the target of every search. */
export interface VectorTarget {
  readonly orgId: string;
  readonly baseId: string;
  readonly embedder: string;
}

export interface NewVector {
  /** The chunk's number in its base. */
  readonly seq: number;
  /** Of length 1. */
  readonly vector: Float32Array;
}

export interface VectorHit {
  readonly seq: number;
  /** Cosine, -1 to 1. */
  readonly similarity: number;
}

export interface VectorQuery {
  readonly vector: Float32Array;
  readonly limit: number;
  /** Only these chunks; undefined: all of the base. */
  readonly only?: readonly number[] | undefined;
}

/**
 * Keeps and finds vectors. A search is limited to its target before anything is ranked. Deleted chunks are not found, and
 * those of a committed transaction are, in every process.
 */
export interface VectorStore {
  readonly name: 'pgvector' | 'memory';
  /** Makes what the store needs. Idempotent. */
  prepare(): Promise<void>;
  /** The caller holds the lock on the row of the base. */
  add(tx: Tx, target: VectorTarget, vectors: readonly NewVector[]): Promise<void>;
  /** Nearest first. */
  search(target: VectorTarget, query: VectorQuery): Promise<VectorHit[]>;
  /**
   * For each vector, whether the target holds one at least as near as `threshold`, among the chunks numbered above
   * `after` (0: all). Under the lock on the row of the base nobody adds meanwhile.
   */
  near(
    on: Sql,
    target: VectorTarget,
    vectors: readonly Float32Array[],
    threshold: number,
    after?: number,
  ): Promise<boolean[]>;
  /** Up to `limit` chunks of the base that have no vector of this embedder, oldest first. */
  missing(tx: Sql, target: VectorTarget, limit: number): Promise<{ seq: number; text: string }[]>;
  /** Drops the vectors of other embedders than the target's. */
  keepOnly(tx: Tx, target: VectorTarget): Promise<void>;
  close(): Promise<void>;
}
