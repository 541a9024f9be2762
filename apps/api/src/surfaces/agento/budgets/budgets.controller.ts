import { Body, Get, Inject, Put } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { BudgetsService } from '#libs/usage';
import { CallerOf } from '../../../http/caller-of.js';
import { AgentoController, AnswersData, AnswersPage, Refuses } from '../agento.openapi.js';
import { type AgentoPage, agentoPage } from '../agento.paging.js';
import { BudgetDto, PutBudgetDto } from './budgets.dto.js';
import { toBudget, toBudgetChange } from './budgets.mapper.js';

@AgentoController('Budgets', 'v1/budgets')
export class BudgetsController {
  constructor(@Inject(BudgetsService) private readonly budgets: BudgetsService) {}

  /** All budgets, with what is used of them: the organisation's own, then those of swarms and agents. */
  @Get()
  @AnswersPage(BudgetDto, 'The budgets')
  async listBudgets(@CallerOf() caller: Caller): Promise<AgentoPage<BudgetDto>> {
    return agentoPage(await this.budgets.list(caller), toBudget);
  }

  /**
   * Set the budget of the organisation, a swarm or an agent. A model call takes what it may need from all budgets of its
   * agent before it is made, and is refused when one of them has no room. Needs the role ADMIN.
   */
  @Put()
  @AnswersData(BudgetDto, 'The budget as it is now')
  @Refuses(400, 404, 413)
  async putBudget(@CallerOf() caller: Caller, @Body() body: PutBudgetDto): Promise<{ data: BudgetDto }> {
    return { data: toBudget(await this.budgets.put(caller, body, toBudgetChange(body))) };
  }
}
