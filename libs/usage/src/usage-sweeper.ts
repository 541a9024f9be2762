import { Inject, Injectable } from '@nestjs/common';
import { BudgetsRepository } from './budgets.repository.js';
import { BudgetJournal } from './budget-journal.js';
import { PriceTable, costMicroUsd } from './price-table.js';
import { type LeftReservation, ReservationsRepository } from './reservations.repository.js';
import { UsageRepository } from './usage.repository.js';

const BATCH = 200;

/** Settles what dead edges left, and deletes what is older than it is to be kept; a worker runs it by the clock. */
@Injectable()
export class UsageSweeper {
  constructor(
    @Inject(PriceTable) private readonly prices: PriceTable,
    @Inject(ReservationsRepository) private readonly reservations: ReservationsRepository,
    @Inject(BudgetJournal) private readonly journal: BudgetJournal,
    @Inject(UsageRepository) private readonly usage: UsageRepository,
    @Inject(BudgetsRepository) private readonly budgets: BudgetsRepository,
  ) {}

  /** Calls whose edge has had no beat for 12 s are settled as estimated, by what was counted of them. @returns how many. */
  async settleCallsOfDeadInstances(signal?: AbortSignal): Promise<number> {
    let settled = 0;
    for (;;) {
      const left = await this.reservations.leftByDead(BATCH);
      for (const call of left) {
        if (signal?.aborted) return settled;
        await this.settle(call);
        settled += 1;
      }
      if (left.length < BATCH) return settled;
    }
  }

  /** Deletes up to `limit` days of usage before then, and budgets of agents and swarms that are gone. */
  async deleteBefore(before: Date, limit: number): Promise<number> {
    await this.budgets.deleteOrphans(limit);
    return this.usage.deleteBefore(before, limit);
  }

  private async settle(call: LeftReservation): Promise<void> {
    const price = this.prices.find(call.provider, call.model);
    const usage = {
      inputTokens: call.inputTokens,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: call.countedOutputTokens,
    };
    const reached = await this.reservations.settle({
      ...usage,
      id: call.id,
      metered: true,
      estimated: true,
      priced: price !== undefined,
      costMicroUsd: price ? costMicroUsd(price, usage) : 0,
    });
    for (const { budgetId, period } of reached) await this.journal.reached(budgetId, period, 'soft');
  }
}
