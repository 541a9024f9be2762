import { Module } from '@nestjs/common';
import { EmbeddingsModule } from '#libs/embeddings';
import { OrganisationDeparturesModule } from '#libs/identity';
import { AgentKnowledge } from './agent-knowledge.js';
import { BasesRepository } from './bases.repository.js';
import { ChunksRepository } from './chunks.repository.js';
import { FileLoader } from './files/file-loader.js';
import { FileLoads } from './files/file-loads.js';
import { FileReader } from './files/file-reader.js';
import { FileRetention } from './files/file-retention.js';
import { FilesRepository } from './files/files.repository.js';
import { KnowledgeFiles, KnowledgeUploads } from './files/knowledge-files.service.js';
import { Ingestion } from './ingestion.js';
import { KnowledgeDepartures } from './knowledge-departures.js';
import { KnowledgeSearch } from './knowledge-search.js';
import { KnowledgeUpkeep } from './knowledge-upkeep.js';
import { KnowledgeService } from './knowledge.service.js';
import { Removal } from './removal.js';
import { VectorStoreEnd, vectorStoreProvider } from './vector-store.provider.js';
import { WordSearch } from './words/word-search.js';

/** Knowledge for API, edge and worker alike. The process must provide config, database and logger. */
@Module({
  imports: [EmbeddingsModule, OrganisationDeparturesModule],
  providers: [
    AgentKnowledge,
    BasesRepository,
    ChunksRepository,
    FilesRepository,
    Ingestion,
    KnowledgeDepartures,
    KnowledgeSearch,
    KnowledgeService,
    KnowledgeUpkeep,
    Removal,
    VectorStoreEnd,
    WordSearch,
    vectorStoreProvider,
  ],
  exports: [
    AgentKnowledge,
    BasesRepository,
    ChunksRepository,
    EmbeddingsModule,
    FilesRepository,
    Ingestion,
    KnowledgeService,
    KnowledgeUpkeep,
    Removal,
  ],
})
export class KnowledgeModule {}

/** Files for whoever serves users. The process must also ring jobs. */
@Module({
  imports: [KnowledgeModule],
  providers: [KnowledgeFiles, KnowledgeUploads],
  exports: [KnowledgeFiles, KnowledgeUploads],
})
export class KnowledgeFilesModule {}

/** The loading of files, for any worker. */
@Module({
  imports: [KnowledgeModule],
  providers: [FileLoader, FileLoads, FileReader, FileRetention],
  exports: [FileLoader, FileRetention],
})
export class KnowledgeLoadingModule {}
