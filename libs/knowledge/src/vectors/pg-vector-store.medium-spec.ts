import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Tx } from '#libs/database';
import { type StoreFixture, dice, insertBase, randomVector } from '../conformance/vector-store.conformance-spec.js';
import { pgliteDatabase } from '../testing/knowledge-program.js';
import { PgVectorStore, exactSearch, indexSearch } from './pg-vector-store.js';
import type { VectorQuery, VectorTarget } from './vector-store.js';

const FOREIGN = 4_000;
const OWN = 300;
const BATCH = 500;

interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Filter?: string;
  readonly 'Order By'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** How the only scan of the table went, with the index below it, if it stands there. */
function scanIn(plan: PlanNode): PlanNode {
  const nodes = nodesOf(plan);
  const scans = nodes.filter((node) => node['Relation Name'] === 'knowledge_vectors');
  expect(scans).toHaveLength(1);
  return { ...nodes.find((node) => node['Index Name']), ...scans[0] };
}

describe('pgvector, where thousands of foreign vectors are nearer than those of the target', () => {
  const next = dice(5);
  const asked = randomVector(next);
  const query: VectorQuery = { vector: asked, limit: 10 };
  let sql: StoreFixture['sql'] & { close(): Promise<void> };
  let own: VectorTarget;
  let vectors: Float32Array[];

  /** All that is his own one by one, or by the index from the first vector on. */
  const exact = (): PgVectorStore => new PgVectorStore(sql);
  const indexed = (): PgVectorStore => new PgVectorStore(sql, 0);

  const fill = (target: VectorTarget, of: readonly Float32Array[]): Promise<void> =>
    sql.transaction(async (tx) => {
      for (let from = 0; from < of.length; from += BATCH) {
        const rows = of.slice(from, from + BATCH).map((vector, n) => ({ seq: from + n + 1, vector }));
        await exact().add(tx, target, rows);
      }
    });

  beforeAll(async () => {
    sql = await pgliteDatabase();
    await exact().prepare();
    own = await insertBase(sql, OWN);
    vectors = Array.from({ length: OWN }, () => randomVector(next));
    await fill(own, vectors);
    await fill(
      await insertBase(sql, FOREIGN),
      Array.from({ length: FOREIGN }, () => asked.map((value) => value + (next() - 0.5) / 20)),
    );
    await sql.query('ANALYZE knowledge_vectors');
  }, 120_000);
  afterAll(() => sql?.close());

  const best = (limit: number, only?: readonly number[]): number[] =>
    vectors
      .map((vector, n) => [n + 1, vector.reduce((sum, value, i) => sum + value * asked[i]!, 0)] as const)
      .filter(([seq]) => only?.includes(seq) ?? true)
      .sort((a, b) => b[1] - a[1])
      .slice(0, limit)
      .map(([seq]) => seq);

  const found = async (store: PgVectorStore, only?: readonly number[]): Promise<number[]> =>
    (await store.search(own, { ...query, only })).map(({ seq }) => seq);

  const planOf = (statement: ReturnType<typeof exactSearch>): Promise<PlanNode> =>
    sql.transaction(async (tx: Tx) => {
      await tx.query('SET LOCAL hnsw.iterative_scan = strict_order');
      const [row] = await tx.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
        `EXPLAIN (ANALYZE, FORMAT JSON) ${statement[0]}`,
        statement[1],
      );
      return scanIn(row!['QUERY PLAN'][0].Plan);
    });

  /** As though the index gave up after a hundred vectors. */
  async function givingUp<T>(work: () => Promise<T>): Promise<T> {
    await sql.query('SET hnsw.max_scan_tuples = 100');
    try {
      return await work();
    } finally {
      await sql.query('RESET hnsw.max_scan_tuples');
    }
  }

  it('reads the vectors of a small target by its key, and none of the others', async () => {
    const scan = await planOf(exactSearch(own, query));
    expect(scan).toMatchObject({ 'Index Name': 'knowledge_vectors_pkey', 'Actual Rows': OWN });
    expect(scan['Index Cond']).toContain('base_id = ');
    expect(scan.Filter).toContain('org_id = ');
    expect(scan['Rows Removed by Filter'] ?? 0).toBe(0);
    expect(await found(exact())).toEqual(best(10));
  });

  it('leaves the foreign ones out of a large target inside the scan of the index, which goes on until enough fits', async () => {
    const scan = await planOf(indexSearch(own, query));
    expect(scan).toMatchObject({ 'Index Name': 'knowledge_vectors_24_idx', 'Actual Rows': 10 });
    expect(scan['Order By']).toContain('<=>');
    for (const column of ['org_id', 'base_id', 'embedder']) expect(scan.Filter).toContain(`${column} = `);
    expect(scan['Rows Removed by Filter']).toBeGreaterThan(FOREIGN * 0.9);
    const hits = await found(indexed());
    expect(hits).toHaveLength(10);
    expect(hits.filter((seq) => best(10).includes(seq)).length).toBeGreaterThanOrEqual(9);
  });

  it('compares one by one when the index gives up before enough fits', async () => {
    const only = [3, 77, 150, 299];
    await givingUp(async () => {
      expect(await sql.query(...indexSearch(own, query))).toHaveLength(0);
      expect(await found(indexed())).toEqual(best(10));
      expect(await found(indexed(), only)).toEqual(best(10, only));
    });
  });

  it('knows a duplicate of its own behind all of the foreign ones, and takes none of theirs for one', async () => {
    const copies = [vectors[8]!, asked, vectors[OWN - 1]!];
    const near = (store: PgVectorStore): Promise<boolean[]> =>
      sql.transaction((tx) => store.near(tx, own, copies, 0.95));
    expect(await near(exact())).toEqual([true, false, true]);
    expect(await givingUp(() => near(indexed()))).toEqual([true, false, true]);
    const [first, foreign, last] = await near(indexed());
    expect([first || last, foreign]).toEqual([true, false]);
  });
});
