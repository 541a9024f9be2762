import { Body, Delete, Get, Inject, Param, Post } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { AgentSkillsService } from '#libs/skills';
import { CallerOf, ClientGone } from '../../../http/caller-of.js';
import { IdempotencyOf, type IdempotencySlot, Idempotent } from '../../../http/idempotency/idempotent.js';
import { AgentoController, AnswersData, AnswersPage, Refuses, TakesIdempotencyKey } from '../agento.openapi.js';
import type { AgentoPage } from '../agento.paging.js';
import { SettledSkills } from './settled-skills.js';
import {
  AgentSkillDetailsDto,
  AgentSkillDto,
  InstalledSkillDto,
  InstallSkillDto,
  UninstalledSkillDto,
} from './skills.dto.js';
import { toAgentSkill, toAgentSkills, toInstalledSkill, toUninstalledSkill } from './skills.mapper.js';

@AgentoController('Skills', 'v1/agents/:id/skills')
export class AgentSkillsController {
  constructor(
    @Inject(AgentSkillsService) private readonly skills: AgentSkillsService,
    @Inject(SettledSkills) private readonly settled: SettledSkills,
  ) {}

  /** The skills on the agent, newest first. */
  @Get()
  @AnswersPage(AgentSkillDto, 'The skills')
  @Refuses(404)
  async listAgentSkills(@CallerOf() caller: Caller, @Param('id') id: string): Promise<AgentoPage<AgentSkillDto>> {
    return toAgentSkills(await this.skills.list(caller, id));
  }

  /** One skill on the agent, and how far its installation is. */
  @Get(':skillId')
  @AnswersData(AgentSkillDetailsDto, 'The skill')
  @Refuses(404)
  async getAgentSkill(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('skillId') skillId: string,
  ): Promise<{ data: AgentSkillDetailsDto }> {
    return toAgentSkill(await this.skills.get(caller, id, skillId));
  }

  /**
   * Install a skill on the agent. Answers when its host has done it, after 20 s at the latest: `isEnabled` is false as long as it has not.
   * A running agent has it with its next turn.
   */
  @Post()
  @Idempotent()
  @TakesIdempotencyKey()
  @AnswersData(InstalledSkillDto, 'The skill is installed', 201)
  @Refuses(400, 404, 409, 413, 422, 502)
  async installSkill(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: InstallSkillDto,
    @IdempotencyOf() slot: IdempotencySlot | undefined,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ data: InstalledSkillDto }> {
    return toInstalledSkill(await this.settled.install(caller, id, body, slot?.resourceId, gone));
  }

  /** Uninstall a skill. A running agent has lost it with its next turn. */
  @Delete(':skillId')
  @AnswersData(UninstalledSkillDto, 'The skill is uninstalled')
  @Refuses(404)
  async uninstallSkill(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('skillId') skillId: string,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ data: UninstalledSkillDto }> {
    return toUninstalledSkill(skillId, await this.settled.uninstall(caller, id, skillId, gone));
  }
}
