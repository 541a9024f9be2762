import { Body, Delete, Get, Inject, Param, Post, Query } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { SkillsService } from '#libs/skills';
import { CallerOf, ClientGone } from '../../../http/caller-of.js';
import { Idempotent } from '../../../http/idempotency/idempotent.js';
import { AgentoController, AnswersData, AnswersPage, Refuses, TakesIdempotencyKey } from '../agento.openapi.js';
import type { AgentoPage } from '../agento.paging.js';
import {
  DeletedSkillDto,
  SearchSkillsQuery,
  SkillDetailsDto,
  SkillScanDto,
  SkillSummaryDto,
  UploadSkillDto,
} from './skills.dto.js';
import {
  toDeletedSkill,
  toSearchSkills,
  toSkillDetails,
  toSkillPage,
  toSkillScan,
  toSkillUpload,
} from './skills.mapper.js';

@AgentoController('Skills', 'v1/skills')
export class SkillsController {
  constructor(@Inject(SkillsService) private readonly skills: SkillsService) {}

  /** Search the catalogue: curated skills and those of your account. Without words, what most agents have comes first. */
  @Get()
  @AnswersPage(SkillSummaryDto, 'The skills')
  @Refuses(400)
  async searchSkills(
    @CallerOf() caller: Caller,
    @Query() query: SearchSkillsQuery,
  ): Promise<AgentoPage<SkillSummaryDto>> {
    return toSkillPage(await this.skills.search(caller, toSearchSkills(query)), toSearchSkills(query));
  }

  /**
   * Add a skill, or a higher version of it: upload it, or have it fetched from an address or a package. It is on no agent until it is
   * installed there.
   */
  @Post()
  @Idempotent()
  @TakesIdempotencyKey()
  @AnswersData(SkillDetailsDto, 'The skill is in the catalogue of your account', 201)
  @Refuses(400, 404, 409, 413, 422, 502)
  async uploadSkill(
    @CallerOf() caller: Caller,
    @Body() body: UploadSkillDto,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ data: SkillDetailsDto }> {
    return toSkillDetails(await this.skills.upload(caller, toSkillUpload(body), gone));
  }

  /** Get one skill. */
  @Get(':id')
  @AnswersData(SkillDetailsDto, 'The skill')
  @Refuses(404)
  async getSkill(@CallerOf() caller: Caller, @Param('id') id: string): Promise<{ data: SkillDetailsDto }> {
    return toSkillDetails(await this.skills.get(caller, id));
  }

  /** What the scan found in the present content of a skill. */
  @Get(':id/scan')
  @AnswersData(SkillScanDto, 'The scan')
  @Refuses(404)
  async getSkillScan(@CallerOf() caller: Caller, @Param('id') id: string): Promise<{ data: SkillScanDto }> {
    return toSkillScan(await this.skills.get(caller, id));
  }

  /** Take a skill of your own, which no agent has, out of the catalogue. */
  @Delete(':id')
  @AnswersData(DeletedSkillDto, 'The skill is gone')
  @Refuses(404, 409)
  async deleteSkill(@CallerOf() caller: Caller, @Param('id') id: string): Promise<{ data: DeletedSkillDto }> {
    return this.skills.remove(caller, id).then(() => toDeletedSkill(id));
  }
}
