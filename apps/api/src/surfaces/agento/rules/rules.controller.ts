import { Body, Delete, Get, Inject, Param, Put } from '@nestjs/common';
import { AgentFilesService } from '#libs/agents';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { AgentoController, AnswersData, Refuses } from '../agento.openapi.js';
import { DeletedRuleDto, RuleDto, RulesDto, WriteRuleDto, WrittenRuleDto } from './rules.dto.js';
import { toDeletedRule, toRule, toRules, toWrittenRule } from './rules.mapper.js';

@AgentoController('Rules', 'v1/agents/:id/rules')
export class RulesController {
  constructor(@Inject(AgentFilesService) private readonly files: AgentFilesService) {}

  /** The agent's rules by name. A rule is a procedure the agent reads when it needs it. */
  @Get()
  @AnswersData(RulesDto, 'The rules')
  @Refuses(404)
  async listRules(@CallerOf() caller: Caller, @Param('id') id: string): Promise<{ data: RulesDto }> {
    return toRules(await this.files.rules(caller, id));
  }

  /** Get one rule. The name is that of its file without `.md`. */
  @Get(':name')
  @AnswersData(RuleDto, 'The rule')
  @Refuses(400, 404)
  async getRule(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('name') name: string,
  ): Promise<{ data: RuleDto }> {
    return toRule(name, await this.files.rule(caller, id, name));
  }

  /** Make or replace a rule. Names consist of letters, digits, hyphens and underscores. */
  @Put(':name')
  @AnswersData(WrittenRuleDto, 'The rule was written')
  @Refuses(400, 404, 409, 413)
  async writeRule(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('name') name: string,
    @Body() { content }: WriteRuleDto,
  ): Promise<{ data: WrittenRuleDto }> {
    return toWrittenRule(name, await this.files.writeRule(caller, id, name, content));
  }

  /** Delete a rule. */
  @Delete(':name')
  @AnswersData(DeletedRuleDto, 'The rule is gone')
  @Refuses(400, 404)
  async deleteRule(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('name') name: string,
  ): Promise<{ data: DeletedRuleDto }> {
    return toDeletedRule(name, await this.files.removeRule(caller, id, name));
  }
}
