import { Body, Delete, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { SkillSettingsService } from '#libs/skills';
import { CallerOf, ClientGone } from '../../../http/caller-of.js';
import { Agent402Controller, Refuses } from '../agent402.openapi.js';
import { AgentSkillListDto, AttachSkillDto, ConfigureSkillDto, SkillConfigDto } from './agent-skills.dto.js';
import { toAgentSkillList, toAttachSkill, toConfigureSkill, toSkillConfig } from './agent-skills.mapper.js';

@Agent402Controller('Agent skills', 'api/v1/agents/:id/skills')
export class AgentSkillsController {
  constructor(@Inject(SkillSettingsService) private readonly settings: SkillSettingsService) {}

  /** The tools and skills of an agent. */
  @Get()
  @Refuses(404)
  async listAgentSkills(@CallerOf() caller: Caller, @Param('id') id: string): Promise<AgentSkillListDto> {
    return toAgentSkillList(id, await this.settings.list(caller, id));
  }

  /** Attach a tool, which the agent has from its next start on, or install a skill on it. */
  @Post()
  @Refuses(404, 409, 422, 502)
  async attachSkill(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: AttachSkillDto,
    @ClientGone() gone: AbortSignal,
  ): Promise<SkillConfigDto> {
    return toSkillConfig(await this.settings.attach(caller, id, toAttachSkill(body), gone));
  }

  /** Detach it; its credentials are deleted. */
  @Delete(':name')
  @HttpCode(204)
  @Refuses(404)
  async detachSkill(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('name') name: string,
    @ClientGone() gone: AbortSignal,
  ): Promise<void> {
    await this.settings.detach(caller, id, name, gone);
  }

  /** Give it credentials and a configuration, and switch it on or off; attach it where it is not yet. */
  @Post(':name/configure')
  @HttpCode(200)
  @Refuses(404, 409, 422, 502)
  async configureSkill(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('name') name: string,
    @Body() body: ConfigureSkillDto,
    @ClientGone() gone: AbortSignal,
  ): Promise<SkillConfigDto> {
    return toSkillConfig(await this.settings.configure(caller, id, toConfigureSkill(name, body), gone));
  }
}
