import { Get, Inject } from '@nestjs/common';
import { AgentsService } from '#libs/agents';
import { OrganisationsService } from '#libs/identity';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { AgentoController, AnswersData } from '../agento.openapi.js';
import { AccountDto } from './account.dto.js';
import { toAccount } from './account.mapper.js';

@AgentoController('Account', 'v1/account')
export class AccountController {
  constructor(
    @Inject(OrganisationsService) private readonly organisations: OrganisationsService,
    @Inject(AgentsService) private readonly agents: AgentsService,
  ) {}

  /** The account of the key: plan, limits and present usage. Every valid key may ask. */
  @Get()
  @AnswersData(AccountDto, 'The account')
  async getAccount(@CallerOf() caller: Caller): Promise<{ data: AccountDto }> {
    return toAccount(await this.organisations.account(caller), await this.agents.usage(caller));
  }
}
