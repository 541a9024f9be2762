import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Sql } from '#libs/database';
import { type TestDatabase, testDatabase } from '#libs/testing';
import type { Base } from '../bases.repository.js';
import { insertBase } from '../conformance/vector-store.conformance-spec.js';
import { RANKED } from './word-query.js';
import { WordSearch } from './word-search.js';

const SIZE = 3_000;

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** Rows of the table that a plan looked at. */
const looked = (plan: PlanNode): number =>
  nodesOf(plan)
    .filter((node) => node['Relation Name'] === 'knowledge_chunks')
    .map((node) => ({ ...node, rows: node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) }))
    .reduce((sum, node) => sum + (node.rows + (node['Rows Removed by Index Recheck'] ?? 0)) * node['Actual Loops'], 0);

const ranked = (plan: PlanNode): number =>
  Math.max(...nodesOf(plan).map((node) => (node['Node Type'] === 'Limit' ? node['Actual Rows'] : 0)));

describe('the search by words', () => {
  let db: TestDatabase;
  let base: Base;
  let foreign: Base;
  const plans: PlanNode[] = [];

  /** Every chunk is of the handbook, one in two names a server, some say a thing of their own. */
  const textOf = (n: number): string =>
    `Handbook entry ${n}. ${n % 2 ? 'A server listens.' : 'A client asks.'}  ${
      n % 400 === 0 ? 'The connection is refused after a timeout.' : ''
    }${n === 2_333 ? 'Prototype pollution of the handbook entry server' : ''}`;

  /** Notes down how each statement went. */
  const explained = (): Sql => {
    const query = async <Row>(text: string, values?: readonly unknown[]): Promise<Row[]> => {
      if (text.includes('ts_rank_cd')) {
        const [row] = await db.database.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
          `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`,
          values,
        );
        plans.push(row!['QUERY PLAN'][0].Plan);
      }
      return db.database.query<Row>(text, values);
    };
    return { query, named: (_name, text, values) => query(text, values) };
  };

  const made = async (size: number): Promise<Base> => {
    const { orgId, baseId } = await insertBase(db.database, size);
    const seqs = Array.from({ length: size }, (_v, n) => n + 1);
    await db.database.query(
      `UPDATE knowledge_chunks SET text = t.text FROM unnest($2::int[], $3::text[]) t(seq, text)
        WHERE base_id = $1 AND knowledge_chunks.seq = t.seq`,
      [baseId, seqs, seqs.map(textOf)],
    );
    return { id: baseId, orgId, embedder: 'one', head: size, chunkCount: size };
  };

  beforeAll(async () => {
    db = await testDatabase();
    foreign = await made(5 * SIZE);
    base = await made(SIZE);
    await db.database.query('VACUUM ANALYZE knowledge_chunks');
  }, 60_000);
  afterAll(() => db?.close());

  const search = (text: string, filter = {}, limit = 10): Promise<number[]> =>
    new WordSearch(explained() as TestDatabase['database']).search(base, text, filter, limit);

  it('finds what has all of the words before what has the rarest of them', async () => {
    expect((await search('prototype pollution of a server entry'))[0]).toBe(2_333);
    const hits = await search('refused connections of the handbook entry', {}, 7);
    expect(hits.sort((a, b) => a - b)).toEqual([400, 800, 1_200, 1_600, 2_000, 2_400, 2_800]);
    expect(await search('refused connections of the handbook entry', {}, 20)).toHaveLength(20);
  });

  it('finds the one chunk that has a rare word, however many have the others', async () => {
    expect(await search('handbook entry server pollution timeout')).toContain(2_333);
    expect(await search('handbook of the unheard')).toHaveLength(10);
  });

  it.each([
    ['a word that every chunk has', 'handbook'],
    ['words that every chunk has', 'the handbook entry goes on'],
    ['a word that half of them have', 'servers'],
    ['common and rare words', 'handbook server timeout'],
    ['a text of hundreds of words', Array.from({ length: 300 }, (_v, n) => `handbook${n} server`).join(' ')],
  ])('ranks a bounded number of chunks and looks at none of others for %s', async (_case, text) => {
    plans.length = 0;
    expect((await search(text)).length).toBeGreaterThan(0);
    for (const plan of plans) {
      expect(ranked(plan)).toBeLessThanOrEqual(RANKED);
      expect(looked(plan)).toBeLessThanOrEqual(SIZE);
    }
    expect(plans).toHaveLength(1);
  });

  it('stays within its base and its filter', async () => {
    await db.database.query('DELETE FROM knowledge_chunks WHERE base_id = $1 AND seq > 10', [foreign.id]);
    await db.database.query(`UPDATE knowledge_chunks SET source = 'other' WHERE base_id = $1 AND seq IN (5, 800)`, [
      base.id,
    ]);
    const few = { ...foreign, chunkCount: 10 };
    const all = await new WordSearch(db.database).search(few, 'handbook', {}, 50);
    expect(all.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect((await search('handbook', { source: 'other' })).sort((a, b) => a - b)).toEqual([5, 800]);
    expect(await search('handbook', { source: 'nowhere' })).toEqual([]);
  });

  it('finds nothing by words that say nothing, and takes quotes and signs as text', async () => {
    expect(await search('and of the')).toEqual([]);
    expect(await search(`it's "a" \\ & | ! <-> ( ' server:*`)).toHaveLength(10);
  });
});
