import { Inject, Injectable } from '@nestjs/common';
import { type Caller, isUuid, requireScope } from '#libs/kernel';
import { BasesRepository } from './bases.repository.js';
import { ChunksRepository } from './chunks.repository.js';
import { cursorOf, readCursor } from './cursor.js';
import { Ingestion } from './ingestion.js';
import { checkedChunks, checkedDeletion, checkedQuery, requireMetadata, requireText } from './knowledge-input.js';
import { KnowledgeSearch } from './knowledge-search.js';
import { entryNotFound } from './knowledge.errors.js';
import {
  type ChunkPage,
  type DeleteChunks,
  type FoundChunk,
  type Ingested,
  type KnowledgeTarget,
  type ListChunks,
  type NewChunk,
  SOURCE_MAX_LENGTH,
  type SearchChunks,
} from './knowledge.js';
import { Removal } from './removal.js';

const DEFAULT_LIMIT = 50;
const MOST_ROWS = 100;

/**
 * What people do with the knowledge of swarms and agents. A target of another organisation, and one that is not there, is
 * `not_found` everywhere.
 */
@Injectable()
export class KnowledgeService {
  constructor(
    @Inject(BasesRepository) private readonly bases: BasesRepository,
    @Inject(ChunksRepository) private readonly chunks: ChunksRepository,
    @Inject(Ingestion) private readonly ingestion: Ingestion,
    @Inject(KnowledgeSearch) private readonly searching: KnowledgeSearch,
    @Inject(Removal) private readonly removal: Removal,
  ) {}

  /** All chunks or none. @throws DomainError `validation`, `not_found`, `plan_limit`, and what the embedder throws. */
  async ingest(
    caller: Caller,
    target: KnowledgeTarget,
    chunks: readonly NewChunk[],
    signal: AbortSignal,
  ): Promise<Ingested> {
    requireScope(caller, 'knowledge:write');
    const checked = checkedChunks(chunks);
    const owner = await this.bases.ownerOf(caller, target, 'body');
    return this.ingestion.ingest(caller, owner, checked, signal);
  }

  /** In the order in which they came. @throws DomainError `validation` for a cursor of another list, `not_found`. */
  async list(caller: Caller, target: KnowledgeTarget, query: ListChunks = {}): Promise<ChunkPage> {
    requireScope(caller, 'knowledge:read');
    const base = await this.bases.find(caller, await this.bases.ownerOf(caller, target, 'query'));
    if (query.source !== undefined) requireText(['query', 'source'], query.source, SOURCE_MAX_LENGTH);
    const after = query.cursor === undefined ? 0 : readCursor(query.cursor, base?.id);
    if (!base) return { items: [], nextCursor: null };
    const limit = Math.min(query.limit ?? DEFAULT_LIMIT, MOST_ROWS);
    const rows = await this.chunks.list(base, { source: query.source, limit: limit + 1, after });
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return { items, nextCursor: rows.length > limit && last ? cursorOf(base.id, last.seq) : null };
  }

  /** With a source, or all of them, also the files that they came from. @returns how many. @throws DomainError `validation`, `not_found` for target and id. */
  async remove(caller: Caller, target: KnowledgeTarget, which: DeleteChunks): Promise<number> {
    requireScope(caller, 'knowledge:write');
    checkedDeletion(which);
    const owner = await this.bases.ownerOf(caller, target, 'query');
    if (which.id !== undefined && !isUuid(which.id)) throw entryNotFound();
    return this.removal.removeChunks(caller, owner, which);
  }

  /** Best first. @throws DomainError `validation`, `not_found`. */
  async search(
    caller: Caller,
    target: KnowledgeTarget,
    query: SearchChunks,
    signal: AbortSignal,
  ): Promise<FoundChunk[]> {
    requireScope(caller, 'knowledge:read');
    checkedQuery(query.query);
    if (query.metadata !== undefined) requireMetadata(['query', 'metadata'], query.metadata);
    const base = await this.bases.find(caller, await this.bases.ownerOf(caller, target, 'query'));
    return base ? this.searching.search([base], query, signal) : [];
  }
}
