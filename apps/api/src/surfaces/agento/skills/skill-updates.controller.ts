import { Body, Get, Inject, Param, Post } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { SkillUpdates } from '#libs/skills';
import { CallerOf, ClientGone } from '../../../http/caller-of.js';
import { IdempotencyOf, type IdempotencySlot, Idempotent } from '../../../http/idempotency/idempotent.js';
import { AgentoController, AnswersData, Refuses, TakesIdempotencyKey } from '../agento.openapi.js';
import { SettledSkills } from './settled-skills.js';
import { SkillUpdateDto, UpdateSkillDto } from './skill-updates.dto.js';
import { toSkillUpdate } from './skill-updates.mapper.js';
import { InstalledSkillDto } from './skills.dto.js';
import { toInstalledSkill } from './skills.mapper.js';

@AgentoController('Skills', 'v1/agents/:id/skills/:skillId/update')
export class SkillUpdatesController {
  constructor(
    @Inject(SkillUpdates) private readonly updates: SkillUpdates,
    @Inject(SettledSkills) private readonly settled: SettledSkills,
  ) {}

  /** What an update of the skill would change: files, permissions and requirements. */
  @Get()
  @AnswersData(SkillUpdateDto, 'What would change')
  @Refuses(404)
  async previewSkillUpdate(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('skillId') skillId: string,
  ): Promise<{ data: SkillUpdateDto }> {
    return toSkillUpdate(await this.updates.preview(caller, id, skillId));
  }

  /**
   * Put the present version of the catalogue in the place of the one on the agent. Answers as installing does; when it fails the agent
   * keeps what it had. What it has already changes nothing.
   */
  @Post()
  @Idempotent()
  @TakesIdempotencyKey()
  @AnswersData(InstalledSkillDto, 'The skill is updated', 201)
  @Refuses(400, 404, 409, 413, 422, 502)
  async updateSkill(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('skillId') skillId: string,
    @Body() body: UpdateSkillDto,
    @IdempotencyOf() slot: IdempotencySlot | undefined,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ data: InstalledSkillDto }> {
    return toInstalledSkill(await this.settled.update(caller, { agentId: id, skillId }, body, slot?.resourceId, gone));
  }
}
