import { Body, Delete, Get, Inject, Param, Post } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { AgentSkillsService } from '#libs/skills';
import { CallerOf } from '../../../http/caller-of.js';
import { Idempotent } from '../../../http/idempotency/idempotent.js';
import { AgentoController, AnswersData, AnswersPage, Refuses, TakesIdempotencyKey } from '../agento.openapi.js';
import type { AgentoPage } from '../agento.paging.js';
import { AgentSkillDto, InstalledSkillDto, InstallSkillDto, UninstalledSkillDto } from './skills.dto.js';
import { toAgentSkills, toInstalledSkill, toUninstalledSkill } from './skills.mapper.js';

@AgentoController('Skills', 'v1/agents/:id/skills')
export class AgentSkillsController {
  constructor(@Inject(AgentSkillsService) private readonly skills: AgentSkillsService) {}

  /** The skills on the agent, newest first. */
  @Get()
  @AnswersPage(AgentSkillDto, 'The skills')
  @Refuses(404)
  async listAgentSkills(@CallerOf() caller: Caller, @Param('id') id: string): Promise<AgentoPage<AgentSkillDto>> {
    return toAgentSkills(await this.skills.list(caller, id));
  }

  /** Install a skill on the agent. A running agent has it after a restart. */
  @Post()
  @Idempotent()
  @TakesIdempotencyKey()
  @AnswersData(InstalledSkillDto, 'The skill is installed', 201)
  @Refuses(400, 404, 409, 413, 422)
  async installSkill(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() { skillId, trustLevel }: InstallSkillDto,
  ): Promise<{ data: InstalledSkillDto }> {
    return toInstalledSkill(await this.skills.install(caller, id, skillId, trustLevel));
  }

  /** Uninstall a skill. A running agent has it until a restart. */
  @Delete(':skillId')
  @AnswersData(UninstalledSkillDto, 'The skill is uninstalled')
  @Refuses(404)
  async uninstallSkill(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('skillId') skillId: string,
  ): Promise<{ data: UninstalledSkillDto }> {
    return toUninstalledSkill(skillId, await this.skills.uninstall(caller, id, skillId));
  }
}
