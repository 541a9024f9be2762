import { Body, Delete, Get, HttpCode, Inject, Post, Query } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { KnowledgeService } from '#libs/knowledge';
import { CallerOf, ClientGone } from '../../../http/caller-of.js';
import { Idempotent } from '../../../http/idempotency/idempotent.js';
import {
  AgentoController,
  AnswersCursorPage,
  AnswersData,
  AnswersList,
  Refuses,
  TakesIdempotencyKey,
} from '../agento.openapi.js';
import {
  DeleteKnowledgeQuery,
  DeletedKnowledgeDto,
  IngestDto,
  IngestedDto,
  KnowledgeCursorDto,
  KnowledgeEntryDto,
  KnowledgeHitDto,
  ListKnowledgeQuery,
  SearchKnowledgeQuery,
} from './knowledge.dto.js';
import {
  toDeleteChunks,
  toDeletedKnowledge,
  toEntryPage,
  toHits,
  toListChunks,
  toSearchChunks,
} from './knowledge.mapper.js';

@AgentoController('Knowledge', 'v1/knowledge')
export class KnowledgeController {
  constructor(@Inject(KnowledgeService) private readonly knowledge: KnowledgeService) {}

  /** Store texts that agents can find. Texts that say the same as one that is there (cosine from 0.95) are skipped. */
  @Post('ingest')
  @HttpCode(200)
  @Idempotent()
  @TakesIdempotencyKey()
  @AnswersData(IngestedDto, 'The texts were stored')
  @Refuses(400, 404, 413, 422, 502)
  async ingestKnowledge(
    @CallerOf() caller: Caller,
    @Body() body: IngestDto,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ data: IngestedDto }> {
    return { data: await this.knowledge.ingest(caller, body, body.chunks, gone) };
  }

  /** The entries in the order in which they came, a page at a time. */
  @Get()
  @AnswersCursorPage(KnowledgeEntryDto, KnowledgeCursorDto, 'The entries')
  @Refuses(400, 404)
  async listKnowledge(
    @CallerOf() caller: Caller,
    @Query() query: ListKnowledgeQuery,
  ): Promise<{ data: KnowledgeEntryDto[]; pagination: KnowledgeCursorDto }> {
    return toEntryPage(await this.knowledge.list(caller, query, toListChunks(query)));
  }

  /** Find entries by meaning and by words, best first. */
  @Get('search')
  @AnswersList(KnowledgeHitDto, 'The hits')
  @Refuses(400, 404)
  async searchKnowledge(
    @CallerOf() caller: Caller,
    @Query() query: SearchKnowledgeQuery,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ data: KnowledgeHitDto[] }> {
    return toHits(await this.knowledge.search(caller, query, toSearchChunks(query), gone));
  }

  /** Delete entries: one, those of a source, or with confirm=true all. */
  @Delete()
  @AnswersData(DeletedKnowledgeDto, 'The entries are gone')
  @Refuses(400, 404)
  async deleteKnowledge(
    @CallerOf() caller: Caller,
    @Query() query: DeleteKnowledgeQuery,
  ): Promise<{ data: DeletedKnowledgeDto }> {
    return toDeletedKnowledge(await this.knowledge.remove(caller, query, toDeleteChunks(query)));
  }
}
