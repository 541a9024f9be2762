import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Notices } from '#libs/events';
import { Logger, RateLimitedLogger } from '#libs/observability';
import type { ShippedLine } from './log-batch.js';
import { LogPartitions } from './log-partitions.js';
import { LogStore } from './log-store.js';

const BATCH_LINES = 500;
const BATCH_MS = 200;
/** Readers of output wait when this many lines are not stored yet. */
const MOST_WAITING = 5_000;
const RETRY_MS = 500;
const NO_PARTITION = '23514';

/** Gathers lines and stores them in batches, in order, one batch at a time. Nothing is dropped: readers wait. */
@Injectable()
export class LogWriter {
  private waiting: ShippedLine[] = [];
  private flushing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private readonly log: RateLimitedLogger;

  constructor(
    @Inject(LogStore) private readonly store: LogStore,
    @Inject(LogPartitions) private readonly partitions: LogPartitions,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Logger) logger: Logger,
  ) {
    this.log = new RateLimitedLogger(logger.child({ component: 'log-writer' }));
  }

  /** Takes lines; resolves once there is room for more. */
  async append(lines: readonly ShippedLine[]): Promise<void> {
    for (const line of lines) this.waiting.push(line);
    if (this.waiting.length >= BATCH_LINES) void this.flush();
    else this.timer ??= setTimeout(() => void this.flush(), BATCH_MS);
    while (this.waiting.length >= MOST_WAITING && !this.stopped) await this.flush();
  }

  /** Resolves when all that was taken so far is stored. */
  async drained(): Promise<void> {
    while (!this.stopped && (this.waiting.length > 0 || this.flushing)) await this.flush();
  }

  /** Stores what it can within the time; what is left is read again by the next worker, from the stored positions. */
  async close(patienceMs: number): Promise<void> {
    await Promise.race([this.drained(), sleep(patienceMs, undefined, { ref: false })]);
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.flushing ??= this.storeAll().finally(() => (this.flushing = undefined));
    return this.flushing;
  }

  private async storeAll(): Promise<void> {
    while (this.waiting.length > 0 && !this.stopped) {
      const batch = this.waiting.slice(0, BATCH_LINES);
      if (await this.stored(batch)) {
        this.waiting.splice(0, batch.length);
        for (const agentId of new Set(batch.map((line) => line.agentId))) this.notices.notify('logs', agentId);
      } else {
        await sleep(RETRY_MS);
      }
    }
  }

  private async stored(batch: readonly ShippedLine[]): Promise<boolean> {
    try {
      await this.store.append(batch);
      return true;
    } catch (error) {
      this.log.warn('Lines could not be stored yet', { error, lines: this.waiting.length });
      if ((error as { code?: unknown }).code === NO_PARTITION) await this.partitions.maintain().catch(() => undefined);
      return false;
    }
  }
}
