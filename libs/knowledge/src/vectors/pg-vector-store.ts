import type { Sql, Tx } from '#libs/database';
import type { NewVector, VectorHit, VectorQuery, VectorStore, VectorTarget } from './vector-store.js';

/** The first with `hnsw.iterative_scan`, without which a filtered scan of the index ends too early. */
const OLDEST: readonly [number, number] = [0, 8];
/** pgvector indexes no more. */
const MOST_INDEXED_DIMENSIONS = 2_000;
const LOCK = 7_220_007;
const EXACT_UP_TO = 5_000;
/** How many the index is asked for to find the nearest: the first that it gives need not be. */
const NEAREST = 10;

const TABLE = `
CREATE TABLE IF NOT EXISTS knowledge_vectors (
  base_id uuid NOT NULL,
  embedder text NOT NULL,
  seq int NOT NULL,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  embedding vector NOT NULL,
  PRIMARY KEY (base_id, embedder, seq),
  FOREIGN KEY (base_id, seq) REFERENCES knowledge_chunks ON DELETE CASCADE
)`;

/**
 * Vectors in Postgres by the extension pgvector, with an HNSW index for each number of dimensions. All targets share it,
 * so it may have to pass by so many vectors of others that it gives up: then, and where there are few, those of the
 * target are compared one by one.
 */
export class PgVectorStore implements VectorStore {
  readonly name = 'pgvector';
  private readonly indexed = new Set<number>();

  constructor(
    private readonly sql: Sql & { transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> },
    /** Up to so many vectors are compared one by one. */
    private readonly exactUpTo = EXACT_UP_TO,
  ) {}

  /** True when the extension is there, or the server could make it, in a version that is new enough. */
  async isAvailable(): Promise<boolean> {
    const [row] = await this.sql.query<{ version: string | null }>(
      `SELECT coalesce(installed_version, default_version) AS version FROM pg_available_extensions WHERE name = 'vector'`,
    );
    const [major = 0, minor = 0] = (row?.version ?? '').split('.').map(Number);
    return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
  }

  async prepare(): Promise<void> {
    await this.sql.transaction(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
      await tx.query('CREATE EXTENSION IF NOT EXISTS vector');
      await tx.query(TABLE);
    });
  }

  async add(tx: Tx, target: VectorTarget, vectors: readonly NewVector[]): Promise<void> {
    const [first] = vectors;
    if (!first) return;
    await this.index(tx, first.vector.length);
    await tx.query(
      `INSERT INTO knowledge_vectors (base_id, embedder, seq, org_id, embedding)
       SELECT $1, $2, v.seq, $3, v.embedding::vector FROM unnest($4::int[], $5::text[]) AS v(seq, embedding)`,
      [
        ...[target.baseId, target.embedder, target.orgId, vectors.map(({ seq }) => seq)],
        vectors.map(({ vector }) => literal(vector)),
      ],
    );
  }

  async search(target: VectorTarget, query: VectorQuery): Promise<VectorHit[]> {
    const count = query.only?.length ?? (await this.sizeOf(this.sql, target));
    if (count === 0) return [];
    if (count > this.exactUpTo) {
      const hits = await this.sql.transaction((tx) => this.scanIndex(tx, target, query));
      if (hits.length >= Math.min(query.limit, count)) return hits;
    }
    return this.sql.query<VectorHit>(...exactSearch(target, query));
  }

  async near(
    on: Sql,
    target: VectorTarget,
    vectors: readonly Float32Array[],
    threshold: number,
    after = 0,
  ): Promise<boolean[]> {
    if (vectors.length === 0) return [];
    if (after > 0 || (await this.sizeOf(on, target)) <= this.exactUpTo) {
      return this.nearExactly(on, target, vectors, threshold, after);
    }
    const nearest = await this.inTransaction(on, (tx) => this.nearest(tx, target, vectors));
    const open = vectors.filter((_vector, index) => nearest[index] === null);
    const rest = open.length === 0 ? [] : await this.nearExactly(on, target, open, threshold, 0);
    return nearest.map((similarity) => (similarity === null ? rest.shift()! : similarity >= threshold));
  }

  missing(tx: Sql, target: VectorTarget, limit: number): Promise<{ seq: number; text: string }[]> {
    return tx.query(
      `SELECT c.seq, c.text FROM knowledge_chunks c WHERE c.org_id = $1 AND c.base_id = $2 AND NOT EXISTS (
         SELECT 1 FROM knowledge_vectors e WHERE e.base_id = c.base_id AND e.embedder = $3 AND e.seq = c.seq)
        ORDER BY c.seq LIMIT $4`,
      [target.orgId, target.baseId, target.embedder, limit],
    );
  }

  async keepOnly(tx: Tx, target: VectorTarget): Promise<void> {
    await tx.query('DELETE FROM knowledge_vectors WHERE org_id = $1 AND base_id = $2 AND embedder <> $3', [
      target.orgId,
      target.baseId,
      target.embedder,
    ]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Settings of a scan last as long as a transaction. */
  private inTransaction<T>(on: Sql, work: (tx: Sql) => Promise<T>): Promise<T> {
    return 'afterCommit' in on ? work(on) : this.sql.transaction(work);
  }

  private async sizeOf(sql: Sql, { orgId, baseId }: VectorTarget): Promise<number> {
    const [row] = await sql.query<{ count: number }>(
      'SELECT chunk_count AS count FROM knowledge_bases WHERE org_id = $1 AND id = $2',
      [orgId, baseId],
    );
    return row?.count ?? 0;
  }

  private async scanIndex(tx: Tx, target: VectorTarget, query: VectorQuery): Promise<VectorHit[]> {
    await scanOn(tx, query.limit);
    return tx.query<VectorHit>(...indexSearch(target, query));
  }

  /** Of each vector the similarity of what is nearest to it; null where the index gave up before anything fitted. */
  private async nearest(tx: Sql, target: VectorTarget, vectors: readonly Float32Array[]): Promise<(number | null)[]> {
    const dimensions = whole(vectors[0]?.length ?? 1);
    await scanOn(tx, NEAREST, 'relaxed_order');
    const rows = await tx.query<{ similarity: number | null }>(
      `SELECT (
         SELECT 1 - min(distance) FROM (
           SELECT e.embedding::vector(${dimensions}) <=> v.embedding::vector(${dimensions}) AS distance FROM knowledge_vectors e
            WHERE e.org_id = $1 AND e.base_id = $2 AND e.embedder = $3 AND vector_dims(e.embedding) = ${dimensions}
            ORDER BY e.embedding::vector(${dimensions}) <=> v.embedding::vector(${dimensions}) LIMIT ${NEAREST}) found) AS similarity
         FROM unnest($4::text[]) WITH ORDINALITY AS v(embedding, nth) ORDER BY v.nth`,
      [target.orgId, target.baseId, target.embedder, vectors.map(literal)],
    );
    return rows.map(({ similarity }) => similarity);
  }

  private async nearExactly(
    on: Sql,
    target: VectorTarget,
    vectors: readonly Float32Array[],
    threshold: number,
    after: number,
  ): Promise<boolean[]> {
    const dimensions = whole(vectors[0]?.length ?? 1);
    const rows = await on.query<{ nth: number }>(
      `WITH ${mine(dimensions, 'AND seq > $6')},
            asked AS MATERIALIZED (SELECT nth::int, embedding::vector(${dimensions})
                                     FROM unnest($4::text[]) WITH ORDINALITY AS v(embedding, nth))
       SELECT DISTINCT near.nth FROM mine
        CROSS JOIN LATERAL (SELECT nth FROM asked WHERE 1 - (mine.embedding <=> asked.embedding) >= $5) near`,
      [target.orgId, target.baseId, target.embedder, vectors.map(literal), threshold, after],
    );
    const found = new Set(rows.map(({ nth }) => nth));
    return vectors.map((_vector, index) => found.has(index + 1));
  }

  private async index(tx: Tx, length: number): Promise<void> {
    const dimensions = whole(length);
    if (this.indexed.has(dimensions) || dimensions > MOST_INDEXED_DIMENSIONS) return;
    await tx.query(
      `CREATE INDEX IF NOT EXISTS knowledge_vectors_${dimensions}_idx ON knowledge_vectors
         USING hnsw ((embedding::vector(${dimensions})) vector_cosine_ops) WHERE vector_dims(embedding) = ${dimensions}`,
    );
    tx.afterCommit(() => this.indexed.add(dimensions));
  }
}

/** Goes on in the index until enough of what it names fits, but looks at no more than `hnsw.max_scan_tuples`. */
async function scanOn(tx: Sql, limit: number, order: 'strict_order' | 'relaxed_order' = 'strict_order'): Promise<void> {
  await tx.query(`SET LOCAL hnsw.iterative_scan = ${order}`);
  await tx.query(`SET LOCAL hnsw.ef_search = ${Math.min(1_000, Math.max(100, whole(limit) * 2))}`);
}

type Statement = [text: string, values: unknown[]];

/** The rows of one target, found by the primary key: those of others are not read. */
const mine = (dimensions: number, which = ''): string => `
  mine AS MATERIALIZED (SELECT seq, embedding::vector(${dimensions}) FROM knowledge_vectors
           WHERE org_id = $1 AND base_id = $2 AND embedder = $3 AND vector_dims(embedding) = ${dimensions} ${which})`;

/** Every vector of the target that is asked for is compared. */
export function exactSearch(target: VectorTarget, { vector, limit, only }: VectorQuery): Statement {
  const dimensions = whole(vector.length);
  return [
    `WITH ${mine(dimensions, only ? 'AND seq = ANY ($6::int[])' : '')}
     SELECT seq, 1 - (embedding <=> $4::vector(${dimensions})) AS similarity FROM mine
      ORDER BY embedding <=> $4::vector(${dimensions}), seq LIMIT $5`,
    [target.orgId, target.baseId, target.embedder, literal(vector), limit, ...(only ? [only] : [])],
  ];
}

/** By the index over all targets, which leaves out what does not fit while it goes on. */
export function indexSearch(target: VectorTarget, { vector, limit, only }: VectorQuery): Statement {
  const dimensions = whole(vector.length);
  return [
    `SELECT seq, 1 - (embedding::vector(${dimensions}) <=> $4::vector(${dimensions})) AS similarity
       FROM knowledge_vectors
      WHERE org_id = $1 AND base_id = $2 AND embedder = $3 AND vector_dims(embedding) = ${dimensions}
        AND ($5::int[] IS NULL OR seq = ANY ($5))
      ORDER BY embedding::vector(${dimensions}) <=> $4::vector(${dimensions}) LIMIT $6`,
    [target.orgId, target.baseId, target.embedder, literal(vector), only ?? null, limit],
  ];
}

const literal = (vector: Float32Array): string => `[${vector.join(',')}]`;

/** Numbers that stand in the text of a statement. */
function whole(value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > 16_000)
    throw new RangeError(`${value} is no number of dimensions`);
  return value;
}
