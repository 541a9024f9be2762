import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { type Embedder, Embedders } from '#libs/embeddings';
import type { Scope } from '#libs/kernel';
import { type Base, BasesRepository, type Owner } from './bases.repository.js';
import { ChunksRepository } from './chunks.repository.js';
import { baseFull } from './knowledge.errors.js';
import type { CheckedChunk } from './knowledge-input.js';
import { BASE_MAX_CHUNKS, DUPLICATE_SIMILARITY, type Ingested } from './knowledge.js';
import { Turns } from './turns.js';
import { VECTOR_STORE } from './vector-store.provider.js';
import type { VectorStore, VectorTarget } from './vectors/vector-store.js';

/** A chunk with its vectors by embedder: the current one, and the one the base was embedded with before, if it differs. */
interface Embedded {
  readonly chunk: CheckedChunk;
  readonly vectors: ReadonlyMap<string, Float32Array>;
}

/** What is left of a call after it was compared with what a base held, and up to which of its chunks that was. */
interface Compared {
  readonly embedded: readonly Embedded[];
  readonly with: { readonly target: VectorTarget; readonly head: number } | undefined;
}

/** Writers at a time in this process; each holds a connection while the index is brought up, which takes another. */
const MOST_WRITERS = 3;

/** Embeds texts and stores those that are not there yet. */
@Injectable()
export class Ingestion {
  private readonly turns = new Turns(MOST_WRITERS);

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(BasesRepository) private readonly bases: BasesRepository,
    @Inject(ChunksRepository) private readonly chunks: ChunksRepository,
    @Inject(Embedders) private readonly embedders: Embedders,
    @Inject(VECTOR_STORE) private readonly store: VectorStore,
  ) {}

  /**
   * All or nothing, what `alongside` writes in the same transaction and under the lock of the base included.
   * @throws DomainError `plan_limit` for a full base, and what the embedder throws.
   */
  async ingest(
    scope: Scope,
    owner: Owner,
    chunks: readonly CheckedChunk[],
    signal: AbortSignal,
    alongside: (tx: Tx, stored: number) => Promise<void> = () => Promise.resolve(),
  ): Promise<Ingested> {
    const present = await this.bases.find(scope, owner);
    const embedded = await this.embedded(chunks, this.embeddersOf(present), signal);
    const compared = await this.compared(present, embedded);
    const stored = await this.turns.take(() =>
      this.database.transaction(async (tx) => {
        const base = await this.bases.lock(tx, scope, owner, this.embedders.current.id);
        const count = await this.write(tx, base, compared);
        await alongside(tx, count);
        return count;
      }),
    );
    return { stored, skipped: chunks.length - stored, total: chunks.length };
  }

  private embeddersOf(base: Base | undefined): Embedder[] {
    const { current } = this.embedders;
    const former = base && base.embedder !== current.id ? this.embedders.byId(base.embedder) : undefined;
    return former ? [current, former] : [current];
  }

  private async embedded(
    chunks: readonly CheckedChunk[],
    embedders: readonly Embedder[],
    signal: AbortSignal,
  ): Promise<Embedded[]> {
    const texts = chunks.map(({ text }) => text);
    const all = await Promise.all(
      embedders.map(async (embedder) => [embedder.id, await embedder.embed(texts, signal)] as const),
    );
    return chunks.map((chunk, index) => ({
      chunk,
      vectors: new Map(all.map(([id, vectors]) => [id, vectors[index]!] as const)),
    }));
  }

  /** Most of the comparing, before the lock that others wait for: only what comes meanwhile is left for under it. */
  private async compared(base: Base | undefined, embedded: readonly Embedded[]): Promise<Compared> {
    if (!base || base.chunkCount === 0) return { embedded, with: undefined };
    const embedder = this.comparing(base, embedded);
    const target = { orgId: base.orgId, baseId: base.id, embedder };
    const near = await this.store.near(this.database, target, vectorsOf(embedded, embedder), DUPLICATE_SIMILARITY);
    return { embedded: embedded.filter((_one, index) => !near[index]), with: { target, head: base.head } };
  }

  /** The embedder whose vectors tell duplicates: the one that the base has all vectors of. */
  private comparing(base: Base, [first]: readonly Embedded[]): string {
    return first?.vectors.has(base.embedder) ? base.embedder : this.embedders.current.id;
  }

  private async write(tx: Tx, base: Base, compared: Compared): Promise<number> {
    if (compared.embedded.length === 0) return 0;
    const fresh = await this.fresh(tx, base, compared);
    if (fresh.length === 0) return 0;
    if (base.chunkCount + fresh.length > BASE_MAX_CHUNKS) throw baseFull(BASE_MAX_CHUNKS);
    const seqs = await this.chunks.insert(
      tx,
      base,
      fresh.map(({ chunk }) => chunk),
    );
    for (const embedder of fresh[0]?.vectors.keys() ?? []) {
      const vectors = fresh.map((one, index) => ({ seq: seqs[index]!, vector: one.vectors.get(embedder)! }));
      await this.store.add(tx, { orgId: base.orgId, baseId: base.id, embedder }, vectors);
    }
    return fresh.length;
  }

  /** Without those that the base holds, or that came before in the same call. */
  private async fresh(tx: Tx, base: Base, compared: Compared): Promise<Embedded[]> {
    const { embedded } = compared;
    const target = { orgId: base.orgId, baseId: base.id, embedder: this.comparing(base, embedded) };
    const vectors = vectorsOf(embedded, target.embedder);
    const known = await this.chunks.known(
      tx,
      base,
      embedded.map(({ chunk }) => chunk.text),
    );
    const after = isSame(compared.with?.target, target) ? compared.with!.head : 0;
    const isAhead = base.chunkCount > 0 && base.head > after;
    const near = isAhead ? await this.store.near(tx, target, vectors, DUPLICATE_SIMILARITY, after) : [];
    const taken: Float32Array[] = [];
    return embedded.filter((_one, index) => {
      const vector = vectors[index]!;
      if (known[index] || near[index] || taken.some((other) => isDuplicate(vector, other))) return false;
      taken.push(vector);
      return true;
    });
  }
}

const vectorsOf = (embedded: readonly Embedded[], embedder: string): Float32Array[] =>
  embedded.map(({ vectors }) => vectors.get(embedder)!);

const isSame = (one: VectorTarget | undefined, other: VectorTarget): boolean =>
  one?.baseId === other.baseId && one.embedder === other.embedder;

function isDuplicate(a: Float32Array, b: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum >= DUPLICATE_SIMILARITY;
}
