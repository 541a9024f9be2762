import { Inject, Injectable } from '@nestjs/common';
import { type Embedder, Embedders } from '#libs/embeddings';
import { Logger, RateLimitedLogger } from '#libs/observability';
import type { Base } from './bases.repository.js';
import type { ChunkFilter } from './chunk-filter.js';
import { ChunksRepository } from './chunks.repository.js';
import { type Fused, fused } from './fusion.js';
import type { FoundChunk, SearchChunks } from './knowledge.js';
import { VECTOR_STORE } from './vector-store.provider.js';
import type { VectorHit, VectorStore } from './vectors/vector-store.js';
import { WordSearch } from './words/word-search.js';

const DEFAULT_LIMIT = 10;
const MOST_HITS = 50;
/** How deep each ranking is read before both are fused. */
const DEPTH = 4;

/** Searches bases by meaning and by words at once. What is searched was chosen by the caller: nothing else is looked at. */
@Injectable()
export class KnowledgeSearch {
  private readonly log: RateLimitedLogger;

  constructor(
    @Inject(ChunksRepository) private readonly chunks: ChunksRepository,
    @Inject(WordSearch) private readonly words: WordSearch,
    @Inject(Embedders) private readonly embedders: Embedders,
    @Inject(VECTOR_STORE) private readonly store: VectorStore,
    @Inject(Logger) logger: Logger,
  ) {
    this.log = new RateLimitedLogger(logger.child({ component: 'knowledge-search' }));
  }

  /** Best first over all of the bases. Without the embedder, words alone decide. */
  async search(bases: readonly Base[], query: SearchChunks, signal: AbortSignal): Promise<FoundChunk[]> {
    const limit = Math.min(query.limit ?? DEFAULT_LIMIT, MOST_HITS);
    const vectors = this.vectorsOf(bases, query.query, signal);
    const found = await Promise.all(bases.map((base) => this.searchBase(base, query, limit, vectors)));
    return found
      .flat()
      .sort((a, b) => b.score - a.score || (b.similarity ?? -1) - (a.similarity ?? -1))
      .slice(0, limit);
  }

  private async searchBase(
    base: Base,
    query: SearchChunks,
    limit: number,
    vectors: Promise<ReadonlyMap<string, Float32Array>>,
  ): Promise<FoundChunk[]> {
    const depth = limit * DEPTH;
    const [hits, words] = await Promise.all([
      vectors.then((known) => this.byMeaning(base, query, depth, known.get(this.embedderOf(base).id))),
      this.words.search(base, query.query, query, depth),
    ]);
    const similarities = new Map(hits.map(({ seq, similarity }) => [seq, similarity]));
    const ranking = fused(
      hits.map(({ seq }) => seq),
      words,
    );
    const found: FoundChunk[] = [];
    for (let at = 0; at < ranking.length && found.length < limit; at += limit) {
      found.push(...(await this.shown(base, ranking.slice(at, at + limit), query, similarities)));
    }
    return found.slice(0, limit);
  }

  /** Those that are still there and pass the filter: nearly always all, so that few are read beyond what is wanted. */
  private async shown(
    base: Base,
    ranking: readonly Fused<number>[],
    filter: ChunkFilter,
    similarities: ReadonlyMap<number, number>,
  ): Promise<FoundChunk[]> {
    const seqs = ranking.map(({ item }) => item);
    const chunks = await this.chunks.bySeq(base, seqs, filter);
    return ranking.flatMap(({ item, score }) => {
      const chunk = chunks.get(item);
      return chunk ? [{ ...chunk, score, similarity: similarities.get(item) ?? null }] : [];
    });
  }

  private async byMeaning(
    base: Base,
    query: SearchChunks,
    limit: number,
    vector: Float32Array | undefined,
  ): Promise<VectorHit[]> {
    if (!vector) return [];
    const only = await this.chunks.filtered(base, query);
    const target = { orgId: base.orgId, baseId: base.id, embedder: this.embedderOf(base).id };
    return this.store.search(target, { vector, limit, only });
  }

  /** The one whose vectors are complete; while a base is embedded anew and the former is gone, what there is of the new. */
  private embedderOf(base: Base): Embedder {
    return this.embedders.byId(base.embedder) ?? this.embedders.current;
  }

  private async vectorsOf(
    bases: readonly Base[],
    query: string,
    signal: AbortSignal,
  ): Promise<Map<string, Float32Array>> {
    const embedders = new Map(bases.map((base) => [this.embedderOf(base).id, this.embedderOf(base)]));
    const vectors = await Promise.all(
      [...embedders.values()].map(async (embedder) => {
        const [vector] = await embedder.embed([query], signal).catch((error: unknown) => {
          signal.throwIfAborted();
          this.log.warn('a query could not be embedded; words alone decide', { error });
          return [];
        });
        return [embedder.id, vector] as const;
      }),
    );
    return new Map(vectors.filter((entry): entry is readonly [string, Float32Array] => entry[1] !== undefined));
  }
}
