import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Sql, Tx } from '#libs/database';
import { newId } from '#libs/kernel';
import type { VectorStore, VectorTarget } from '../vectors/vector-store.js';

/** A database with the schema of knowledge, and a store on it. */
export interface StoreFixture {
  readonly sql: Sql & { transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> };
  readonly store: VectorStore;
  close(): Promise<void>;
}

const DIMENSIONS = 24;

interface Tenant {
  readonly target: VectorTarget;
  readonly vectors: Map<number, Float32Array>;
}

/** What happens to one of the tenants: chunks go, or something near what all of them have is asked, or anything else. */
const step = fc.record({
  world: fc.nat({ max: 5 }),
  kind: fc.constantFrom('delete', 'shared', 'shared', 'other', 'other'),
  chosen: fc.array(fc.boolean(), { minLength: 3, maxLength: 9 }),
  isFiltered: fc.boolean(),
  limit: fc.integer({ min: 1, max: 12 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Numbers that look random and are the same in each run (mulberry32). */
export function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function randomVector(next: () => number, dimensions = DIMENSIONS): Float32Array {
  const vector = Float32Array.from({ length: dimensions }, () => next() + next() + next() - 1.5);
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

export const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, v, i) => sum + v * (b[i] ?? 0), 0);

/** A new base of an organisation of its own unless given, with chunks numbered from 1, as rows. */
export async function insertBase(sql: Sql, chunks: number, orgId = newId()): Promise<VectorTarget> {
  const [agentId, baseId] = [newId(), newId()];
  await sql.query(`INSERT INTO organisations (id, name, slug) VALUES ($1, 'O', $2) ON CONFLICT DO NOTHING`, [
    orgId,
    orgId,
  ]);
  await sql.query(`INSERT INTO agents (id, org_id, name, region, image) VALUES ($1, $2, 'A', 'eu', 'x')`, [
    agentId,
    orgId,
  ]);
  await sql.query(
    `INSERT INTO knowledge_bases (id, org_id, agent_id, embedder, head, chunk_count) VALUES ($1, $2, $3, 'one', $4, $4)`,
    [baseId, orgId, agentId, chunks],
  );
  await sql.query(
    `INSERT INTO knowledge_chunks (base_id, seq, id, org_id, source, type, text, text_hash)
     SELECT $1, n, gen_random_uuid(), $2, 's', 'article', 'text ' || n, int4send(n) FROM generate_series(1, $3::int) n`,
    [baseId, orgId, chunks],
  );
  return { orgId, baseId, embedder: 'one' };
}

/** What every vector store does. */
export function vectorStoreConformance(name: string, make: () => Promise<StoreFixture>): void {
  describe(`the vector store ${name}`, () => {
    let fixture: StoreFixture;

    beforeAll(async () => {
      fixture = await make();
    }, 120_000);
    afterAll(() => fixture?.close());

    const add = (target: VectorTarget, vectors: readonly Float32Array[], firstSeq = 1): Promise<void> =>
      fixture.sql.transaction(async (tx) => {
        await tx.query('SELECT 1 FROM knowledge_bases WHERE id = $1 FOR UPDATE', [target.baseId]);
        await fixture.store.add(
          tx,
          target,
          vectors.map((vector, n) => ({ seq: firstSeq + n, vector })),
        );
      });

    const remove = async (target: VectorTarget, seqs: readonly number[]): Promise<void> => {
      await fixture.sql.query('DELETE FROM knowledge_chunks WHERE base_id = $1 AND seq = ANY ($2::int[])', [
        target.baseId,
        seqs,
      ]);
      await fixture.sql.query('UPDATE knowledge_bases SET deletions = deletions + $2 WHERE id = $1', [
        target.baseId,
        seqs.length,
      ]);
    };

    const search = async (target: VectorTarget, vector: Float32Array, limit = 5, only?: number[]): Promise<number[]> =>
      (await fixture.store.search(target, { vector, limit, only })).map(({ seq }) => seq);

    describe('on one base', () => {
      const next = dice(1);
      let target: VectorTarget;
      let vectors: Float32Array[];

      beforeEach(async () => {
        target = await insertBase(fixture.sql, 40);
        vectors = Array.from({ length: 40 }, () => randomVector(next));
        await add(target, vectors);
      });

      it('finds the nearest first, with their cosine', async () => {
        const query = randomVector(next);
        const hits = await fixture.store.search(target, { vector: query, limit: 7 });
        const exact = vectors
          .map((vector, n) => ({ seq: n + 1, similarity: cosine(vector, query) }))
          .sort((a, b) => b.similarity - a.similarity)
          .slice(0, 7);
        expect(hits.map(({ seq }) => seq)).toEqual(exact.map(({ seq }) => seq));
        hits.forEach(({ similarity }, n) => expect(similarity).toBeCloseTo(exact[n]!.similarity, 4));
      });

      it('looks only at the chunks that are named', async () => {
        const only = [3, 9, 27];
        expect((await search(target, vectors[0]!, 10, only)).sort((a, b) => a - b)).toEqual(only);
        expect(await search(target, vectors[8]!, 1, only)).toEqual([9]);
        expect(await search(target, vectors[0]!, 10, [])).toEqual([]);
      });

      it('finds what is added later, and never what was deleted', async () => {
        expect(await search(target, vectors[4]!, 1)).toEqual([5]);
        await remove(target, [5]);
        expect(await search(target, vectors[4]!, 40)).toHaveLength(39);
        expect(await search(target, vectors[4]!, 40)).not.toContain(5);
        await fixture.sql.query(
          `INSERT INTO knowledge_chunks (base_id, seq, id, org_id, source, type, text, text_hash)
           VALUES ($1, 41, gen_random_uuid(), $2, 's', 'article', 'later', 'later')`,
          [target.baseId, target.orgId],
        );
        await add(target, [vectors[4]!], 41);
        expect(await search(target, vectors[4]!, 1)).toEqual([41]);
      });

      it('says what is near enough, and nothing that is not', async () => {
        const close = vectors[0]!.map((value, i) => value + (i === 0 ? 0.05 : 0));
        const length = Math.hypot(...close);
        const asked = [vectors[7]!, close.map((value) => value / length), randomVector(next), randomVector(next)];
        const wanted = asked.map((one) => vectors.some((vector) => cosine(vector, one) >= 0.95));
        const near = (): Promise<boolean[]> =>
          fixture.sql.transaction((tx) => fixture.store.near(tx, target, asked, 0.95));
        expect(await near()).toEqual(wanted);
        expect(wanted.slice(0, 2)).toEqual([true, true]);
        await remove(target, [1, 8]);
        expect((await near()).slice(0, 2)).toEqual([false, false]);
      });

      it('compares with the chunks above a number only, where one is given', async () => {
        const asked = [vectors[7]!, vectors[30]!, randomVector(next)];
        const near = (after: number): Promise<boolean[]> => fixture.store.near(fixture.sql, target, asked, 0.95, after);
        expect(await near(0)).toEqual([true, true, false]);
        expect(await near(8)).toEqual([false, true, false]);
        expect(await near(40)).toEqual([false, false, false]);
        expect(await fixture.sql.transaction((tx) => fixture.store.near(tx, target, asked, 0.95, 7))).toEqual([
          ...[true, true, false],
        ]);
      });

      it('keeps embedders apart, names what one has not embedded, and drops the others', async () => {
        const other = { ...target, embedder: 'two' };
        const missing = async (): Promise<number[]> =>
          (await fixture.store.missing(fixture.sql, other, 100)).map(({ seq }) => seq);
        expect(await missing()).toHaveLength(40);
        expect(await search(other, vectors[0]!)).toEqual([]);
        await add(other, [vectors[1]!, vectors[0]!]);
        expect(await search(other, vectors[0]!, 1)).toEqual([2]);
        expect(await search(target, vectors[0]!, 1)).toEqual([1]);
        expect(await missing()).toEqual(Array.from({ length: 38 }, (_v, n) => n + 3));
        await fixture.sql.transaction((tx) => fixture.store.keepOnly(tx, other));
        expect(await fixture.store.missing(fixture.sql, target, 100)).toHaveLength(40);
        expect(await missing()).toHaveLength(38);
      });
    });

    it('never gives one tenant the chunk of another, whatever is asked', async () => {
      const sizes = fc.array(fc.integer({ min: 5, max: 30 }), { minLength: 6, maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(fc.integer(), sizes, fc.array(step, { minLength: 20, maxLength: 40 }), async (...drawn) => {
          const [seed, lengths, steps] = drawn;
          const next = dice(seed);
          const shared = Array.from({ length: 6 }, () => randomVector(next));
          const worlds = await tenants(lengths, shared, next);
          for (const one of steps) await take(worlds[one.world]!, one, shared, next);
        }),
        { numRuns: 5 },
      );
    }, 120_000);

    /** Bases of which the first three belong to one organisation, and which all begin with the same vectors. */
    async function tenants(
      sizes: readonly number[],
      shared: readonly Float32Array[],
      next: () => number,
    ): Promise<Tenant[]> {
      const orgId = newId();
      const made: Tenant[] = [];
      for (const [n, size] of sizes.entries()) {
        const target = await insertBase(fixture.sql, size, n < 3 ? orgId : undefined);
        const vectors = Array.from({ length: size }, (_v, i) => shared[i] ?? randomVector(next));
        await add(target, vectors);
        made.push({ target, vectors: new Map(vectors.map((vector, i) => [i + 1, vector])) });
      }
      return made;
    }

    async function take(tenant: Tenant, asked: Step, shared: readonly Float32Array[], next: () => number) {
      const seqs = [...tenant.vectors.keys()];
      const chosen = seqs.filter((_seq, n) => asked.chosen[n % asked.chosen.length]);
      if (asked.kind === 'delete') {
        const gone = chosen.slice(0, Math.min(3, seqs.length - 3));
        await remove(tenant.target, gone);
        gone.forEach((seq) => tenant.vectors.delete(seq));
        return;
      }
      const vector = asked.kind === 'shared' ? shared[asked.limit % shared.length]! : randomVector(next);
      const only = asked.isFiltered ? chosen : undefined;
      const { limit } = asked;
      const allowed = [...tenant.vectors].filter(([seq]) => only?.includes(seq) ?? true);
      const exact = allowed.map(([, known]) => cosine(known, vector)).sort((a, b) => b - a);
      const hits = await fixture.store.search(tenant.target, { vector, limit, only });
      expect(hits).toHaveLength(Math.min(limit, allowed.length));
      hits.forEach(({ seq, similarity }, place) => {
        expect(allowed.map(([known]) => known)).toContain(seq);
        expect(similarity).toBeCloseTo(cosine(tenant.vectors.get(seq)!, vector), 4);
        expect(similarity).toBeCloseTo(exact[place]!, 4);
      });
      const strange = { ...tenant.target, orgId: newId() };
      expect(await fixture.store.search(strange, { vector, limit, only })).toEqual([]);
    }
  });
}
