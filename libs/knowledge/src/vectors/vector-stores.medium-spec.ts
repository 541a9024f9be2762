import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Sql, Tx } from '#libs/database';
import { silentLogger } from '#libs/observability';
import { type TestDatabase, testDatabase } from '#libs/testing';
import {
  type StoreFixture,
  cosine,
  dice,
  insertBase,
  randomVector,
  vectorStoreConformance,
} from '../conformance/vector-store.conformance-spec.js';
import { pgliteDatabase } from '../testing/knowledge-program.js';
import { IndexFiles } from './index-files.js';
import { MemoryVectorStore } from './memory-vector-store.js';
import { PgVectorStore } from './pg-vector-store.js';
import type { VectorTarget } from './vector-store.js';

const MEGABYTE = 1024 * 1024;

async function pgliteFixture(exactUpTo?: number): Promise<StoreFixture> {
  const sql = await pgliteDatabase();
  const store = new PgVectorStore(sql, exactUpTo);
  expect(await store.isAvailable()).toBe(true);
  await store.prepare();
  await store.prepare();
  return { sql, store, close: () => sql.close() };
}

async function memoryFixture(exactUpTo?: number): Promise<StoreFixture> {
  const db = await testDatabase();
  const options = { folder: join(db.dataDir, 'vectors'), cacheBytes: 64 * MEGABYTE, logger: silentLogger() };
  const store = new MemoryVectorStore(db.database, exactUpTo === undefined ? options : { ...options, exactUpTo });
  return {
    sql: db.database,
    store,
    close: async () => {
      await store.close();
      await db.close();
    },
  };
}

vectorStoreConformance('pgvector (PGlite)', () => pgliteFixture());
vectorStoreConformance('pgvector (PGlite) by its index from the first vectors on', () => pgliteFixture(3));
vectorStoreConformance('memory', () => memoryFixture());
vectorStoreConformance('memory with a file from the first vectors on', () => memoryFixture(3));

describe('pgvector', () => {
  it('is not there in a database without the extension', async () => {
    const db = await testDatabase();
    expect(await new PgVectorStore(db.database).isAvailable()).toBe(false);
    await db.close();
  });
});

describe('a large base in memory', () => {
  const SIZE = 1_500;
  const next = dice(7);
  let db: TestDatabase;
  let target: VectorTarget;
  let vectors: Float32Array[];
  let files: IndexFiles;
  const open: MemoryVectorStore[] = [];

  const store = (cacheBytes = 64 * MEGABYTE, exactUpTo = 500, sql: Sql = db.database): MemoryVectorStore => {
    const folder = join(db.dataDir, 'vectors');
    const made = new MemoryVectorStore(sql, { folder, cacheBytes, exactUpTo, logger: silentLogger() });
    open.push(made);
    return made;
  };
  const recall = async (of: MemoryVectorStore, gone = new Set<number>()): Promise<number> => {
    let found = 0;
    for (let n = 0; n < 20; n += 1) {
      const query = randomVector(next, 32);
      const exact = vectors
        .map((vector, i) => [i + 1, cosine(vector, query)] as const)
        .filter(([seq]) => !gone.has(seq))
        .sort((a, b) => b[1] - a[1])
        .slice(0, 10)
        .map(([seq]) => seq);
      const hits = (await of.search(target, { vector: query, limit: 10 })).map(({ seq }) => seq);
      expect(hits.filter((seq) => gone.has(seq))).toEqual([]);
      found += hits.filter((seq) => exact.includes(seq)).length;
    }
    return found / 200;
  };

  beforeAll(async () => {
    db = await testDatabase();
    files = new IndexFiles(join(db.dataDir, 'vectors'));
    target = await insertBase(db.database, SIZE);
    vectors = Array.from({ length: SIZE }, () => randomVector(next, 32));
    await db.database.transaction((tx) =>
      store().add(
        tx,
        target,
        vectors.map((vector, n) => ({ seq: n + 1, vector })),
      ),
    );
  });
  afterAll(async () => {
    await Promise.all(open.map((one) => one.close()));
    await db?.close();
  });

  it('is read once, though others add to it while it is read', async () => {
    const base = await insertBase(db.database, 2);
    const [here, added] = [randomVector(next, 32), randomVector(next, 32)];
    const add = (seq: number, vector: Float32Array): Promise<void> =>
      db.database.transaction((tx) => store().add(tx, base, [{ seq, vector }]));
    await add(1, here);
    let isAdded = false;
    const query = async <T>(text: string, values?: readonly unknown[]): Promise<T[]> => {
      if (text.includes('FROM knowledge_embeddings') && !isAdded) {
        isAdded = true;
        await add(2, added);
      }
      return db.database.query<T>(text, values);
    };
    const reading = store(64 * MEGABYTE, 500, { query, named: db.database.named.bind(db.database) });
    const found = async (): Promise<number[]> =>
      (await reading.search(base, { vector: added, limit: 10 })).map(({ seq }) => seq);
    await found();
    expect(isAdded).toBe(true);
    expect(await found()).toEqual([2, 1]);
  });

  describe('to which its own process adds', () => {
    const SEQS = [1, 2, 3, 4, 5, 6];
    let base: VectorTarget;
    let own: MemoryVectorStore;
    let reads: number;
    let heard: (() => void)[];

    const adding =
      (to: MemoryVectorStore, ...seqs: number[]) =>
      (tx: Tx): Promise<void> =>
        to.add(
          tx,
          base,
          seqs.map((seq) => ({ seq, vector: vectors[seq]! })),
        );
    const add = (to: MemoryVectorStore, ...seqs: number[]): Promise<void> =>
      db.database.transaction(adding(to, ...seqs));
    /** What is to be done after the commit waits in `heard`. */
    const quietly = (...seqs: number[]): Promise<void> =>
      db.database.transaction((tx) => {
        const afterCommit = (action: () => void): void => void heard.push(action);
        return adding(own, ...seqs)(Object.assign(Object.create(tx) as Tx, { afterCommit }));
      });
    const found = async (): Promise<number[]> =>
      (await own.search(base, { vector: vectors[0]!, limit: 100 })).map(({ seq }) => seq).sort((a, b) => a - b);

    beforeEach(async () => {
      base = await insertBase(db.database, SEQS.length);
      const query = <T>(text: string, values?: readonly unknown[]): Promise<T[]> => {
        if (text.includes('FROM knowledge_embeddings')) reads += 1;
        return db.database.query<T>(text, values);
      };
      own = store(64 * MEGABYTE, 500, { query, named: db.database.named.bind(db.database) });
      await add(own, 1);
      await found();
      [reads, heard] = [0, []];
    });

    it('finds them without reading them', async () => {
      await add(own, 2, 3);
      await add(own, 4, 5, 6);
      expect(await found()).toEqual(SEQS);
      expect(reads).toBe(0);
      const [hit] = await own.search(base, { vector: vectors[5]!, limit: 1 });
      expect(hit?.seq).toBe(5);
      expect(hit?.similarity).toBeCloseTo(1, 5);
    });

    it('finds them once when others have added before and after', async () => {
      await add(store(), 2);
      await add(own, 3, 4);
      await add(store(), 5);
      expect(await found()).toEqual([1, 2, 3, 4, 5]);
      await add(own, 6);
      expect(await found()).toEqual(SEQS);
      expect(reads).toBe(1);
    });

    it('finds none of a transaction that was rolled back', async () => {
      const failing = db.database.transaction(async (tx) => {
        await adding(own, 2, 3)(tx);
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      expect(await found()).toEqual([1]);
      await add(own, 3);
      expect(await found()).toEqual([1, 3]);
    });

    it('finds them once when commits are heard of out of order, or after they were read', async () => {
      await quietly(2);
      await quietly(3, 4);
      heard.reverse().forEach((action) => action());
      expect(await found()).toEqual([1, 2, 3, 4]);
      heard = [];
      await quietly(5, 6);
      expect(await found()).toEqual(SEQS);
      heard.forEach((action) => action());
      expect(await found()).toEqual(SEQS);
    });

    it('forgets what was deleted before it heard of the commit', async () => {
      await quietly(2, 3);
      await db.database.query('DELETE FROM knowledge_chunks WHERE base_id = $1 AND seq = 2', [base.baseId]);
      await db.database.query('UPDATE knowledge_bases SET deletions = deletions + 1 WHERE id = $1', [base.baseId]);
      heard.forEach((action) => action());
      expect(await found()).toEqual([1, 3]);
    });
  });

  it('is searched while its file is built and after, and the file serves the next start', async () => {
    const first = store();
    expect(await recall(first)).toBeGreaterThan(0.999);
    await first.idle();
    expect(existsSync(files.pathOf(target))).toBe(true);
    expect(await recall(first)).toBeGreaterThan(0.95);
    const second = store();
    await db.database.query('ALTER TABLE knowledge_embeddings RENAME COLUMN vector TO hidden');
    try {
      expect(await recall(second)).toBeGreaterThan(0.95);
    } finally {
      await db.database.query('ALTER TABLE knowledge_embeddings RENAME COLUMN hidden TO vector');
    }
  });

  it('forgets what was deleted although its file holds it, also after a start', async () => {
    const gone = new Set(Array.from({ length: 100 }, (_v, n) => n * 10 + 1));
    await db.database.query('DELETE FROM knowledge_chunks WHERE base_id = $1 AND seq = ANY ($2)', [
      target.baseId,
      [...gone],
    ]);
    await db.database.query('UPDATE knowledge_bases SET deletions = deletions + 100 WHERE id = $1', [target.baseId]);
    expect(await recall(open[1]!, gone)).toBeGreaterThan(0.95);
    expect(await recall(store(), gone)).toBeGreaterThan(0.95);
  });

  it('makes room when its program may hold no more', async () => {
    const small = store(1, 1_000_000);
    const others = [await insertBase(db.database, 20), await insertBase(db.database, 20)];
    for (const other of others) {
      await db.database.transaction((tx) =>
        small.add(
          tx,
          other,
          vectors.slice(0, 20).map((vector, n) => ({ seq: n + 1, vector })),
        ),
      );
    }
    for (let round = 0; round < 6; round += 1) {
      const other = others[round % 2]!;
      const hits = await small.search(other, { vector: vectors[3]!, limit: 1 });
      expect(hits.map(({ seq }) => seq)).toEqual([4]);
    }
  });
});
