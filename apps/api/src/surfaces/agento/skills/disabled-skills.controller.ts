import { Body, Delete, Get, Inject, Param, Put, Query } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { SkillSwitch } from '#libs/skills';
import { CallerOf } from '../../../http/caller-of.js';
import { AgentoController, AnswersData, AnswersPage, Refuses } from '../agento.openapi.js';
import type { AgentoPage } from '../agento.paging.js';
import {
  DisableSkillDto,
  DisabledSkillDto,
  DisabledSkillsQuery,
  EnabledSkillDto,
  EnableSkillQuery,
} from './disabled-skills.dto.js';
import { toDisabledSkill, toDisabledSkills, toEnabledSkill, toReach, toWindow } from './disabled-skills.mapper.js';

@AgentoController('Skills', 'v1/disabled-skills')
export class DisabledSkillsController {
  constructor(@Inject(SkillSwitch) private readonly skills: SkillSwitch) {}

  /** Contents of skills that none of your agents may have, newest first. */
  @Get()
  @AnswersPage(DisabledSkillDto, 'The disabled contents')
  @Refuses(400)
  async listDisabledSkills(
    @CallerOf() caller: Caller,
    @Query() query: DisabledSkillsQuery,
  ): Promise<AgentoPage<DisabledSkillDto>> {
    return toDisabledSkills(await this.skills.list(caller, toWindow(query)), toWindow(query));
  }

  /** Take a content from every agent that has it, within seconds, and let none have it. Repeating it changes nothing. */
  @Put(':digest')
  @AnswersData(DisabledSkillDto, 'The content is disabled')
  @Refuses(400, 404)
  async disableSkill(
    @CallerOf() caller: Caller,
    @Param('digest') digest: string,
    @Body() body: DisableSkillDto,
  ): Promise<{ data: DisabledSkillDto }> {
    return toDisabledSkill(await this.skills.disable(caller, digest, { ...toReach(body), reason: body.reason }));
  }

  /** Give a content back to the agents that had it. */
  @Delete(':digest')
  @AnswersData(EnabledSkillDto, 'The content may be used again')
  @Refuses(400, 404)
  async enableSkill(
    @CallerOf() caller: Caller,
    @Param('digest') digest: string,
    @Query() query: EnableSkillQuery,
  ): Promise<{ data: EnabledSkillDto }> {
    return this.skills.enable(caller, digest, toReach(query)).then(() => toEnabledSkill(digest));
  }
}
