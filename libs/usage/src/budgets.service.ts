import { Inject, Injectable } from '@nestjs/common';
import { AgentsService } from '#libs/agents';
import { Database } from '#libs/database';
import { type Caller, DomainError, type Page, invalid, notFound, requireScope, roleAtLeast } from '#libs/kernel';
import { SwarmsService } from '#libs/swarms';
import type { Budget, BudgetChange, BudgetLimits, BudgetScope, BudgetTarget } from './budget.js';
import { BudgetJournal } from './budget-journal.js';
import { BudgetsRepository, changedLimits, noBudget } from './budgets.repository.js';

const LIMITS = ['dayLimitMicroUsd', 'dayLimitTokens', 'monthLimitMicroUsd', 'monthLimitTokens'] as const;

/** The limits an organisation sets itself, its swarms and its agents. */
@Injectable()
export class BudgetsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(BudgetsRepository) private readonly budgets: BudgetsRepository,
    @Inject(BudgetJournal) private readonly journal: BudgetJournal,
    @Inject(AgentsService) private readonly agents: AgentsService,
    @Inject(SwarmsService) private readonly swarms: SwarmsService,
  ) {}

  /** The organisation's own first, then those of swarms and agents, with what is used. */
  async list(caller: Caller): Promise<Page<Budget>> {
    requireScope(caller, 'agents:read');
    const items = await this.budgets.list(caller);
    return { items, total: items.length };
  }

  /**
   * Sets limits from now on; calls that run are counted. Without any limit left the budget is gone.
   * @throws DomainError `forbidden` below ADMIN, `validation`, `not_found` for agent or swarm.
   */
  async put(
    caller: Caller,
    to: { scope: BudgetScope; id?: string | undefined },
    change: BudgetChange,
  ): Promise<Budget> {
    requireScope(caller, 'agents:write');
    if (!roleAtLeast(caller.role, 'ADMIN')) {
      throw new DomainError('forbidden', 'forbidden', 'Setting a budget needs the role ADMIN');
    }
    if (Object.values(change).every((value) => value === undefined)) throw invalid('Nothing to change: give a limit');
    const { target, name } = await this.resolve(caller, to);
    await this.database.transaction(async (tx) => {
      await this.budgets.standStill(tx, caller);
      const limits = changedLimits(await this.budgets.find(caller, target, tx), change);
      const changed = isEmpty(limits)
        ? await this.budgets.remove(tx, caller, target)
        : await this.budgets.save(tx, caller, target, limits, caller.subject);
      if (!changed) return;
      await this.journal.changed(tx, caller, changed, target, limits);
    });
    return (await this.budgets.find(caller, target)) ?? noBudget(target, name, new Date());
  }

  private async resolve(
    caller: Caller,
    { scope, id }: { scope: BudgetScope; id?: string | undefined },
  ): Promise<{ target: BudgetTarget; name: string | null }> {
    if (scope === 'organisation') {
      if (id !== undefined && id !== caller.orgId) throw notFound('Organisation');
      return { target: { scope, id: caller.orgId }, name: null };
    }
    if (id === undefined) throw invalid(`id is required for the scope ${scope}`);
    // Whoever may write may know that the thing is there.
    const reader: Caller = { ...caller, scopes: [...caller.scopes, 'agents:read', 'swarms:read'] };
    const { name } = scope === 'agent' ? await this.agents.get(reader, id) : await this.swarms.get(reader, id);
    return { target: { scope, id: id.toLowerCase() }, name };
  }
}

const isEmpty = (limits: BudgetLimits): boolean => LIMITS.every((name) => limits[name] === null);
