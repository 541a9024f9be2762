import type { Sql } from '#libs/database';

/** What one request was told. */
export interface Verdict {
  readonly granted: boolean;
  readonly limit: number;
  /** Requests still free in the window after this one. */
  readonly remaining: number;
  /** Unix seconds at which the oldest counted request leaves the window. */
  readonly resetAtSeconds: number;
  /** Whole seconds (at least 1) after which a refused request can succeed. */
  readonly retryAfterSeconds: number;
}

interface Waiter {
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (error: unknown) => void;
}

interface Settlement {
  readonly granted: number;
  readonly remaining: string;
  readonly reset_at_ms: string;
  readonly reset_in_ms: string;
}

interface Exhausted {
  readonly untilMs: number;
  readonly resetAtSeconds: number;
}

const TAKE = 'SELECT granted, remaining, reset_at_ms, reset_in_ms FROM take_rate_limit($1, $2, $3, $4)';
const MAX_EXHAUSTED_KEYS = 10_000;

/**
 * An exact sliding window over Postgres, shared by all processes. Requests for one key that arrive while a statement
 * for that key is under way are settled together by the next one, in order of arrival.
 */
export class SlidingWindow {
  private readonly waiting = new Map<string, Waiter[]>();
  private readonly exhausted = new Map<string, Exhausted>();

  constructor(
    private readonly sql: Sql,
    private readonly windowMs = 60_000,
  ) {}

  /**
   * Counts one request for `key`. Calls for one key must name one limit.
   * @throws DomainError `unavailable` while Postgres can't be reached.
   */
  take(key: string, limit: number): Promise<Verdict> {
    const refused = this.knownRefusal(key, limit);
    if (refused) return Promise.resolve(refused);
    return new Promise((resolve, reject) => {
      const queue = this.waiting.get(key);
      if (queue) {
        queue.push({ resolve, reject });
        return;
      }
      const fresh = [{ resolve, reject }];
      this.waiting.set(key, fresh);
      void this.settle(key, limit);
    });
  }

  /** How many of `limit` are used now, without using one. */
  async used(key: string, limit: number): Promise<Verdict> {
    return verdict(await this.ask(key, limit, 0), limit, 0);
  }

  /** Deletes up to `batch` keys, of any window, that have been idle for two of theirs. @returns how many. */
  async sweep(batch = 1_000): Promise<number> {
    const rows = await this.sql.query(
      `DELETE FROM rate_limits WHERE key IN (SELECT key FROM rate_limits
         WHERE updated_at < clock_timestamp() - make_interval(secs => greatest(120, window_ms * 2 / 1000))
         LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING 1`,
      [batch],
    );
    return rows.length;
  }

  private async settle(key: string, limit: number): Promise<void> {
    for (let batch = this.nextBatch(key); batch.length > 0; batch = this.nextBatch(key)) {
      try {
        const settlement = await this.ask(key, limit, batch.length);
        this.remember(key, settlement);
        batch.forEach((waiter, index) => waiter.resolve(verdict(settlement, limit, index)));
      } catch (error) {
        batch.forEach((waiter) => waiter.reject(error));
      }
    }
  }

  private nextBatch(key: string): Waiter[] {
    const batch = this.waiting.get(key) ?? [];
    if (batch.length > 0) this.waiting.set(key, []);
    else this.waiting.delete(key);
    return batch;
  }

  private async ask(key: string, limit: number, want: number): Promise<Settlement> {
    const [row] = await this.sql.named<Settlement>('take_rate_limit', TAKE, [key, limit, this.windowMs, want]);
    if (!row) throw new Error('take_rate_limit returned nothing');
    return row;
  }

  /** Until the oldest counted request leaves the window nobody can be granted, so nobody needs to ask. */
  private knownRefusal(key: string, limit: number): Verdict | undefined {
    const known = this.exhausted.get(key);
    if (!known) return undefined;
    const leftMs = known.untilMs - performance.now();
    if (leftMs > 0) {
      return {
        granted: false,
        limit,
        remaining: 0,
        resetAtSeconds: known.resetAtSeconds,
        retryAfterSeconds: wholeSeconds(leftMs),
      };
    }
    this.exhausted.delete(key);
    return undefined;
  }

  private remember(key: string, settlement: Settlement): void {
    if (settlement.remaining !== '0') return;
    const oldest = this.exhausted.size >= MAX_EXHAUSTED_KEYS ? this.exhausted.keys().next().value : undefined;
    if (oldest !== undefined) this.exhausted.delete(oldest);
    this.exhausted.set(key, {
      untilMs: performance.now() + Number(settlement.reset_in_ms),
      resetAtSeconds: Math.ceil(Number(settlement.reset_at_ms) / 1_000),
    });
  }
}

const wholeSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1_000));

function verdict(settlement: Settlement, limit: number, index: number): Verdict {
  return {
    granted: index < settlement.granted,
    limit,
    remaining: Number(settlement.remaining) + Math.max(0, settlement.granted - 1 - index),
    resetAtSeconds: Math.ceil(Number(settlement.reset_at_ms) / 1_000),
    retryAfterSeconds: wholeSeconds(Number(settlement.reset_in_ms)),
  };
}
