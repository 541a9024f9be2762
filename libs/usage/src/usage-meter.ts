import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Logger, type CounterMetric, Metrics } from '#libs/observability';
import { BudgetJournal } from './budget-journal.js';
import { budgetExceeded } from './budgets.errors.js';
import { type ModelPrice, PriceTable, costMicroUsd } from './price-table.js';
import { type CallPlan, type Reservation, type ReserveRow, refusalOf } from './reservation.js';
import { ReservationsRepository, type Settlement } from './reservations.repository.js';
import type { TokenUsage, UsageProvider } from './usage.js';

const FIRST_RETRY_MS = 250;
const MOST_RETRY_MS = 5_000;

/** How a call ended: `free` when it cost nothing, `estimated` when Rookery counted because the provider did not say. */
export type CallEnd = { readonly how: 'free' } | { readonly how: 'reported' | 'estimated'; readonly usage: TokenUsage };

/** What the broker needs of usage: prices, reservations made in its own look-up, and their settlement. */
@Injectable()
export class UsageMeter {
  private readonly open = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private readonly settled: CounterMetric<'provider' | 'how'>;
  private readonly tokens: CounterMetric<'provider' | 'kind'>;
  private readonly cost: CounterMetric<'provider'>;
  private readonly refused: CounterMetric<'scope' | 'period' | 'unit'>;

  constructor(
    @Inject(PriceTable) private readonly prices: PriceTable,
    @Inject(ReservationsRepository) private readonly reservations: ReservationsRepository,
    @Inject(BudgetJournal) private readonly journal: BudgetJournal,
    @Inject(Logger) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.settled = metrics.counter('rookery_model_calls_total', 'Model calls by how they were settled', [
      'provider',
      'how',
    ]);
    this.tokens = metrics.counter('rookery_model_tokens_total', 'Tokens of model calls', ['provider', 'kind']);
    this.cost = metrics.counter('rookery_model_cost_micro_usd_total', 'Cost of model calls in micro-USD', ['provider']);
    this.refused = metrics.counter('rookery_budget_refusals_total', 'Model calls that a budget refused', [
      'scope',
      'period',
      'unit',
    ]);
  }

  /** Undefined for a model without a price: it is metered and counted as costing nothing. */
  priceOf(provider: UsageProvider, model: string): ModelPrice | undefined {
    return this.prices.find(provider, model);
  }

  /**
   * What `reserve_usage` decided.
   * @throws DomainError `plan_limit` code `budget_exceeded`.
   */
  reservationOf(plan: CallPlan, row: ReserveRow): Reservation {
    if (row.outcome === 'reserved') return { id: plan.id, capTokens: row.cap === null ? undefined : Number(row.cap) };
    const refusal = refusalOf(row);
    this.refused.inc({ scope: refusal.scope, period: refusal.period, unit: refusal.unit });
    if (!row.noted) this.follow(this.journal.reached(refusal.budgetId, refusal.period, 'hard'));
    throw budgetExceeded(refusal);
  }

  /** Settles in the background and goes on trying while Postgres is away. */
  settle(plan: CallPlan, end: CallEnd): void {
    this.follow(this.settleUntilDone(plan, end));
  }

  /** Notes how much of an answer has come, for the case that this process dies. */
  async noteCounted(counted: ReadonlyMap<string, number>): Promise<void> {
    if (counted.size > 0) await this.reservations.noteCounted(counted);
  }

  /** Waits for settlements that are under way; what is left after `timeoutMs` is left to the sweep. */
  async drain(timeoutMs: number): Promise<void> {
    await Promise.race([Promise.allSettled(this.open), sleep(timeoutMs, undefined, { ref: false })]);
    this.stopping.abort();
  }

  private follow(work: Promise<void>): void {
    const followed = work
      .catch((error: unknown) => this.logger.warn('usage could not be written', { error }))
      .finally(() => this.open.delete(followed));
    this.open.add(followed);
  }

  private async settleUntilDone(plan: CallPlan, end: CallEnd): Promise<void> {
    const settlement = settlementOf(plan, end);
    this.measure(plan.provider, end, settlement);
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(waitMs * 2, MOST_RETRY_MS)) {
      try {
        const reached = await this.reservations.settle(settlement);
        for (const { budgetId, period } of reached) await this.journal.reached(budgetId, period, 'soft');
        return;
      } catch (error) {
        this.stopping.signal.throwIfAborted();
        this.logger.warn('a model call could not be settled yet', { error });
        await sleep(waitMs, undefined, { signal: this.stopping.signal, ref: false });
      }
    }
  }

  private measure(provider: UsageProvider, { how }: CallEnd, settlement: Settlement): void {
    this.settled.inc({ provider, how });
    const { inputTokens, cachedInputTokens, outputTokens, costMicroUsd: cost } = settlement;
    this.tokens.inc({ provider, kind: 'input' }, inputTokens);
    this.tokens.inc({ provider, kind: 'cached_input' }, cachedInputTokens);
    this.tokens.inc({ provider, kind: 'output' }, outputTokens);
    this.cost.inc({ provider }, cost);
  }
}

function settlementOf(plan: Pick<CallPlan, 'id' | 'price'>, end: CallEnd): Settlement {
  const usage = end.how === 'free' ? NOTHING : end.usage;
  return {
    id: plan.id,
    metered: end.how !== 'free',
    estimated: end.how === 'estimated',
    priced: plan.price !== undefined,
    inputTokens: usage.inputTokens,
    cachedInputTokens: usage.cachedInputTokens,
    outputTokens: usage.outputTokens,
    costMicroUsd: plan.price ? costMicroUsd(plan.price, usage) : 0,
  };
}

const NOTHING: TokenUsage = { inputTokens: 0, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 0 };
