import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { Embedders } from '#libs/embeddings';
import { Logger } from '#libs/observability';
import { type Base, BasesRepository } from './bases.repository.js';
import { VECTOR_STORE } from './vector-store.provider.js';
import type { VectorStore, VectorTarget } from './vectors/vector-store.js';

const BATCH = 64;
const ORPHANS = 100;

/** What workers do for knowledge by the clock. */
@Injectable()
export class KnowledgeUpkeep {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(BasesRepository) private readonly bases: BasesRepository,
    @Inject(Embedders) private readonly embedders: Embedders,
    @Inject(VECTOR_STORE) private readonly store: VectorStore,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /**
   * After the embedder of the configuration changed: embeds bases anew, one after the other. A base is searched by its
   * former vectors until all of the new are there. A claim holds a minute and is renewed, so a killed worker's base is
   * taken over.
   */
  async reembed(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const base = await this.bases.claimStale(this.embedders.current.id);
      if (!base) return;
      await this.reembedBase(base, signal);
    }
  }

  /** Deletes what deleted agents knew. */
  async dropOrphans(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (await this.bases.dropOrphans(ORPHANS)) === ORPHANS);
  }

  private async reembedBase(base: Base, signal: AbortSignal): Promise<void> {
    const target = { orgId: base.orgId, baseId: base.id, embedder: this.embedders.current.id };
    let count = 0;
    for (;;) {
      const chunks = await this.store.missing(this.database, target, BATCH);
      if (chunks.length === 0 && (await this.finish(base, target))) break;
      const texts = chunks.map(({ text }) => text);
      const vectors = await this.embedders.current.embed(texts, signal);
      count += await this.add(base, target, new Map(chunks.map(({ seq }, index) => [seq, vectors[index]!])));
      signal.throwIfAborted();
    }
    this.logger.info('a knowledge base was embedded anew', { baseId: base.id, embedder: target.embedder, count });
  }

  /** Under the lock: what was deleted or embedded meanwhile is left out. */
  private add(base: Base, target: VectorTarget, vectors: ReadonlyMap<number, Float32Array>): Promise<number> {
    return this.database.transaction(async (tx) => {
      if (!(await this.bases.lockById(tx, base, base.id))) return 0;
      await tx.query(
        `UPDATE knowledge_bases SET claimed_until = now() + interval '1 minute' WHERE org_id = $1 AND id = $2`,
        [base.orgId, base.id],
      );
      const missing = await this.store.missing(tx, target, BATCH);
      const rows = missing.filter(({ seq }) => vectors.has(seq)).map(({ seq }) => ({ seq, vector: vectors.get(seq)! }));
      await this.store.add(tx, target, rows);
      return rows.length;
    });
  }

  /** False when something came in between. */
  private finish(base: Base, target: VectorTarget): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      if (!(await this.bases.lockById(tx, base, base.id))) return true;
      if ((await this.store.missing(tx, target, 1)).length > 0) return false;
      await this.bases.setEmbedder(tx, base, target.embedder);
      await this.store.keepOnly(tx, target);
      return true;
    });
  }
}
