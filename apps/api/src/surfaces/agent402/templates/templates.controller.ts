import { Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import type { Caller } from '#libs/kernel';
import { TemplatesService } from '#libs/templates';
import { CallerOf } from '../../../http/caller-of.js';
import { Agent402Controller, Refuses } from '../agent402.openapi.js';
import { toPageRequest } from '../agent402.paging.js';
import { ListTemplatesQuery, TemplateDto, TemplateListDto } from './templates.dto.js';
import { toTemplate, toTemplateList } from './templates.mapper.js';

@Agent402Controller('Templates', 'api/v1/templates')
export class TemplatesController {
  constructor(@Inject(TemplatesService) private readonly templates: TemplatesService) {}

  /** What agents of the workspace can begin as, by name: give `template_id` when making one. */
  @Get()
  @Refuses(422)
  async listTemplates(@CallerOf() caller: Caller, @Query() query: ListTemplatesQuery): Promise<TemplateListDto> {
    const page = toPageRequest(query);
    return toTemplateList(await this.templates.list(caller, { ...page, category: query.category }), page);
  }

  /** One template. */
  @Get(':id')
  @Refuses(404)
  async getTemplate(@CallerOf() caller: Caller, @Param('id') id: string): Promise<TemplateDto> {
    return toTemplate(await this.templates.get(caller, id));
  }

  /** Add the default templates that are not there. Answers with those that were added. */
  @Post('seed')
  @HttpCode(200)
  @ApiOkResponse({ type: [TemplateDto] })
  async seedTemplates(@CallerOf() caller: Caller): Promise<TemplateDto[]> {
    return (await this.templates.seed(caller)).map(toTemplate);
  }
}
