import { Body, Delete, Get, Headers, HttpCode, Inject, Param, Post, Query, type StreamableFile } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Caller } from '#libs/kernel';
import { ToolsService } from '#libs/skills';
import { CallerOf, ClientGone } from '../../../http/caller-of.js';
import { EventStream } from '../../../http/sse.js';
import { Agent402Controller, AnswersEvents, Refuses } from '../agent402.openapi.js';
import { ListedSkills } from './listed-skills.js';
import {
  InstallResultDto,
  InstallSkillDto,
  InstallableListDto,
  InstallableSkillDto,
  InstallationStatusDto,
  ListSkillsQuery,
  SkillDto,
  SkillListDto,
  UninstallSkillQuery,
} from './skills.dto.js';
import {
  toInstallResult,
  toInstallTool,
  toInstallable,
  toInstallableList,
  toInstallationStatus,
  toSkillList,
  toSkillsThat,
} from './skills.mapper.js';

@Agent402Controller('Skills', 'api/v1/skills')
export class SkillsController {
  constructor(
    @Inject(ListedSkills) private readonly skills: ListedSkills,
    @Inject(ToolsService) private readonly tools: ToolsService,
  ) {}

  /** Tools of the registry and skills of the catalogue, with what is ready. */
  @Get()
  @Refuses(422)
  async listSkills(@CallerOf() caller: Caller, @Query() query: ListSkillsQuery): Promise<SkillListDto> {
    return toSkillList(await this.skills.all(caller), query.skill_type);
  }

  /** The registry of tools. */
  @Get('installable')
  async listInstallableSkills(@CallerOf() caller: Caller): Promise<InstallableListDto> {
    return toInstallableList(await this.tools.list(caller));
  }

  /** What agents can use. */
  @Get('ready')
  async listReadySkills(@CallerOf() caller: Caller): Promise<SkillDto[]> {
    return toSkillsThat(await this.skills.all(caller, true), true);
  }

  /** What they can't use yet. */
  @Get('missing')
  async listMissingSkills(@CallerOf() caller: Caller): Promise<SkillDto[]> {
    return toSkillsThat(await this.skills.all(caller, false), false);
  }

  /** One tool or skill. */
  @Get(':name')
  @Refuses(404)
  async getSkill(@CallerOf() caller: Caller, @Param('name') name: string): Promise<SkillDto> {
    return this.skills.one(caller, name);
  }

  /** Have a host install a tool for your workspace, and wait for it. The work goes on when you leave. */
  @Post(':name/install')
  @HttpCode(200)
  @Refuses(400, 404, 409, 422)
  async installSkill(
    @CallerOf() caller: Caller,
    @Param('name') name: string,
    @Body() body: InstallSkillDto,
    @ClientGone() gone: AbortSignal,
  ): Promise<InstallResultDto> {
    return toInstallResult(await this.tools.install(caller, name, toInstallTool(body), gone));
  }

  /** Take a tool from your workspace; agents lose it with their next start. */
  @Delete(':name/install')
  @Refuses(400, 404, 409, 422)
  async uninstallSkill(
    @CallerOf() caller: Caller,
    @Param('name') name: string,
    @Query() query: UninstallSkillQuery,
    @ClientGone() gone: AbortSignal,
  ): Promise<InstallResultDto> {
    return toInstallResult(await this.tools.uninstall(caller, name, toInstallTool(query), gone));
  }

  /** What the newest installation of a tool prints, as events, to its end. */
  @Get(':name/install/events')
  @EventStream()
  @AnswersEvents(
    'Lines as events `log`, then one event `end`',
    'id: ti_1.1\nevent: log\ndata: {"line":"added 1 package"}\n\n',
  )
  @ApiHeader({ name: 'last-event-id', required: false, description: 'The id of the last event that was read' })
  @Refuses(404)
  followInstallation(
    @CallerOf() caller: Caller,
    @Param('name') name: string,
    @ClientGone() gone: AbortSignal,
    @Headers('last-event-id') lastEventId?: string,
  ): Promise<StreamableFile> {
    return this.skills.follow(caller, name, { lastEventId, signal: gone });
  }

  /** How a tool is installed, and what it needs besides. */
  @Get(':name/install-info')
  @Refuses(404)
  async getInstallInfo(@CallerOf() caller: Caller, @Param('name') name: string): Promise<InstallableSkillDto> {
    return toInstallable(await this.tools.get(caller, name));
  }

  /** Whether agents find a tool, and how far work on it is. */
  @Get(':name/installation-status')
  @Refuses(404)
  async getInstallationStatus(@CallerOf() caller: Caller, @Param('name') name: string): Promise<InstallationStatusDto> {
    return toInstallationStatus(await this.tools.get(caller, name), await this.tools.latestWork(caller, name));
  }
}
