import { Body, Get, HttpCode, Inject, Param, Post, Put } from '@nestjs/common';
import { AgentFilesService } from '#libs/agents';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { AgentoController, AnswersData, AnswersPage, Refuses } from '../agento.openapi.js';
import { type AgentoPage, agentoPage } from '../agento.paging.js';
import {
  PersonalityAtVersionDto,
  PersonalityDto,
  PersonalityVersionDto,
  RestorePersonalityDto,
  WritePersonalityDto,
  WrittenPersonalityDto,
} from './personality.dto.js';
import {
  toPersonality,
  toPersonalityAtVersion,
  toPersonalityVersion,
  toWrittenPersonality,
} from './personality.mapper.js';

@AgentoController('Personality', 'v1/agents/:id/personality')
export class PersonalityController {
  constructor(@Inject(AgentFilesService) private readonly files: AgentFilesService) {}

  /** Who the agent is: SOUL.md and IDENTITY.md. */
  @Get()
  @AnswersData(PersonalityDto, 'The personality')
  @Refuses(404)
  async getPersonality(@CallerOf() caller: Caller, @Param('id') id: string): Promise<{ data: PersonalityDto }> {
    return toPersonality(await this.files.documents(caller, id, 'SOUL.md', 'IDENTITY.md'));
  }

  /** Replace SOUL.md. The content before is kept as a version. */
  @Put()
  @AnswersData(WrittenPersonalityDto, 'SOUL.md was replaced')
  @Refuses(400, 404, 409, 413)
  async updatePersonality(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() { soulMd, expectedHash }: WritePersonalityDto,
  ): Promise<{ data: WrittenPersonalityDto }> {
    return toWrittenPersonality(
      await this.files.writeDocument(caller, id, 'SOUL.md', soulMd, { field: 'soulMd', expectedHash }),
    );
  }

  /** The contents SOUL.md has had, newest first: the present one and up to 50 before it. */
  @Get('versions')
  @AnswersPage(PersonalityVersionDto, 'The versions')
  @Refuses(404)
  async listPersonalityVersions(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
  ): Promise<AgentoPage<PersonalityVersionDto>> {
    return agentoPage(await this.files.versions(caller, id, 'SOUL.md'), toPersonalityVersion);
  }

  /** What SOUL.md said in one version. */
  @Get('versions/:version')
  @AnswersData(PersonalityAtVersionDto, 'The version')
  @Refuses(404)
  async getPersonalityVersion(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('version') version: string,
  ): Promise<{ data: PersonalityAtVersionDto }> {
    return toPersonalityAtVersion(await this.files.version(caller, id, 'SOUL.md', Number(version)));
  }

  /** Make SOUL.md say again what it said in one version. The content before is kept too. */
  @Post('versions/:version/restore')
  @HttpCode(200)
  @AnswersData(WrittenPersonalityDto, 'The version was restored')
  @Refuses(400, 404, 409)
  async restorePersonalityVersion(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('version') version: string,
    @Body() body: RestorePersonalityDto = {},
  ): Promise<{ data: WrittenPersonalityDto }> {
    return toWrittenPersonality(await this.files.restore(caller, id, 'SOUL.md', Number(version), body));
  }
}
