import { Module } from '@nestjs/common';
import { EmbeddingsModule } from '#libs/embeddings';
import { AgentKnowledge } from './agent-knowledge.js';
import { BasesRepository } from './bases.repository.js';
import { ChunksRepository } from './chunks.repository.js';
import { Ingestion } from './ingestion.js';
import { KnowledgeSearch } from './knowledge-search.js';
import { KnowledgeUpkeep } from './knowledge-upkeep.js';
import { KnowledgeService } from './knowledge.service.js';
import { VectorStoreEnd, vectorStoreProvider } from './vector-store.provider.js';

/** Knowledge for API, edge and worker alike. The process must provide config, database and logger. */
@Module({
  imports: [EmbeddingsModule],
  providers: [
    AgentKnowledge,
    BasesRepository,
    ChunksRepository,
    Ingestion,
    KnowledgeSearch,
    KnowledgeService,
    KnowledgeUpkeep,
    VectorStoreEnd,
    vectorStoreProvider,
  ],
  exports: [AgentKnowledge, KnowledgeService, KnowledgeUpkeep],
})
export class KnowledgeModule {}
