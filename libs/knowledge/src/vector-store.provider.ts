import { join } from 'node:path';
import { type FactoryProvider, Injectable, Inject, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { Database } from '#libs/database';
import { Logger } from '#libs/observability';
import { MemoryVectorStore } from './vectors/memory-vector-store.js';
import { PgVectorStore } from './vectors/pg-vector-store.js';
import type { VectorStore } from './vectors/vector-store.js';

export const VECTOR_STORE = Symbol('VECTOR_STORE');

const MEGABYTE = 1024 * 1024;

/** pgvector where it is wanted and there, else this process's own index. */
export const vectorStoreProvider: FactoryProvider<Promise<VectorStore>> = {
  provide: VECTOR_STORE,
  inject: [CONFIG, Database, Logger],
  useFactory: async (config: Config, database: Database, logger: Logger) => {
    const { vectorStore, vectorCacheMb } = config.knowledge;
    if (vectorStore !== 'memory') {
      const pgvector = new PgVectorStore(database);
      if (await pgvector.isAvailable()) {
        await pgvector.prepare();
        return pgvector;
      }
      if (vectorStore === 'pgvector') {
        throw new Error('VECTOR_STORE=pgvector, but the database has no extension "vector" (0.8 or newer) to make');
      }
    }
    const folder = join(config.dataDir, 'vectors');
    return new MemoryVectorStore(database, { folder, cacheBytes: vectorCacheMb * MEGABYTE, logger });
  },
};

/** Ends the store with the program. */
@Injectable()
export class VectorStoreEnd implements OnApplicationShutdown {
  constructor(@Inject(VECTOR_STORE) private readonly store: VectorStore) {}

  onApplicationShutdown(): Promise<void> {
    return this.store.close();
  }
}
