import { Body, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { KnowledgeFiles, KnowledgeUploads } from '#libs/knowledge';
import { CallerOf } from '../../../http/caller-of.js';
import { IdempotencyOf, type IdempotencySlot, Idempotent } from '../../../http/idempotency/idempotent.js';
import { AgentoController, AnswersData, AnswersPage, Refuses, TakesIdempotencyKey } from '../agento.openapi.js';
import type { AgentoPage } from '../agento.paging.js';
import {
  DeletedKnowledgeFileDto,
  KnowledgeFileDto,
  ListKnowledgeFilesQuery,
  UploadKnowledgeFileDto,
} from './knowledge-files.dto.js';
import { toDeletedFile, toFile, toFileList, toFilesPage, toNewFile } from './knowledge-files.mapper.js';

@AgentoController('Knowledge', 'v1/knowledge/files')
export class KnowledgeFilesController {
  constructor(
    @Inject(KnowledgeUploads) private readonly uploads: KnowledgeUploads,
    @Inject(KnowledgeFiles) private readonly files: KnowledgeFiles,
  ) {}

  /** Hand over a file whose text agents shall find. It is cut into entries and loaded in the background. */
  @Post()
  @HttpCode(202)
  @Idempotent()
  @TakesIdempotencyKey()
  @AnswersData(KnowledgeFileDto, 'The file waits to be loaded', 202)
  @Refuses(400, 404, 413, 422)
  async uploadKnowledgeFile(
    @CallerOf() caller: Caller,
    @Body() body: UploadKnowledgeFileDto,
    @IdempotencyOf() slot: IdempotencySlot | undefined,
  ): Promise<{ data: KnowledgeFileDto }> {
    return { data: toFile(await this.uploads.add(caller, body, toNewFile(body), slot?.resourceId)) };
  }

  /** The files that were handed over, newest first. */
  @Get()
  @AnswersPage(KnowledgeFileDto, 'The files')
  @Refuses(400, 404)
  async listKnowledgeFiles(
    @CallerOf() caller: Caller,
    @Query() query: ListKnowledgeFilesQuery,
  ): Promise<AgentoPage<KnowledgeFileDto>> {
    return toFileList(await this.files.list(caller, query, toFilesPage(query)), toFilesPage(query));
  }

  /** How far a file is loaded. */
  @Get(':id')
  @AnswersData(KnowledgeFileDto, 'The file')
  @Refuses(404)
  async getKnowledgeFile(@CallerOf() caller: Caller, @Param('id') id: string): Promise<{ data: KnowledgeFileDto }> {
    return { data: toFile(await this.files.get(caller, id)) };
  }

  /** Delete a file with its entries; one that is being loaded stops. */
  @Delete(':id')
  @AnswersData(DeletedKnowledgeFileDto, 'The file is gone')
  @Refuses(404)
  async deleteKnowledgeFile(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
  ): Promise<{ data: DeletedKnowledgeFileDto }> {
    return toDeletedFile(id, await this.files.remove(caller, id));
  }
}
