import type { Chunk, ChunkPage, DeleteChunks, FoundChunk, ListChunks, SearchChunks } from '#libs/knowledge';
import { isoTime } from '../agento.paging.js';
import type {
  DeleteKnowledgeQuery,
  DeletedKnowledgeDto,
  KnowledgeCursorDto,
  KnowledgeEntryDto,
  KnowledgeHitDto,
  ListKnowledgeQuery,
  SearchKnowledgeQuery,
} from './knowledge.dto.js';

export const toListChunks = ({ source, limit, offset }: ListKnowledgeQuery): ListChunks => ({
  source,
  limit,
  cursor: offset,
});

export const toDeleteChunks = ({ source, id, all, confirm }: DeleteKnowledgeQuery): DeleteChunks => ({
  source,
  id,
  all: all === 'true',
  confirm: confirm === 'true',
});

export const toSearchChunks = ({ q, source, type, metadata, limit }: SearchKnowledgeQuery): SearchChunks => ({
  query: q,
  source,
  type,
  metadata,
  limit,
});

export const toEntry = ({ id, text, source, type, createdAt, updatedAt }: Chunk): KnowledgeEntryDto => ({
  id,
  text,
  source,
  type,
  createdAt: isoTime(createdAt),
  updatedAt: isoTime(updatedAt),
});

export const toEntryPage = ({
  items,
  nextCursor,
}: ChunkPage): { data: KnowledgeEntryDto[]; pagination: KnowledgeCursorDto } => ({
  data: items.map(toEntry),
  pagination: { nextOffset: nextCursor, hasMore: nextCursor !== null },
});

export const toHits = (hits: readonly FoundChunk[]): { data: KnowledgeHitDto[] } => ({
  data: hits.map((hit) => ({
    ...toEntry(hit),
    metadata: { ...hit.metadata },
    score: hit.score,
    similarity: hit.similarity,
  })),
});

export const toDeletedKnowledge = (count: number): { data: DeletedKnowledgeDto } => ({
  data: { deleted: true, count },
});
