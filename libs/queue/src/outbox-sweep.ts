import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '#libs/database';
import { Logger, RateLimitedLogger } from '#libs/observability';
import { OutboxSender } from './outbox-sender.js';
import { Outbox } from './outbox.js';

const INTERVAL_MS = 1_000;
const MIN_AGE_MS = 2_000;
const BATCH = 50;

/** Every worker's timer that sends what a crash or a backend that was down left in the outbox. */
@Injectable()
export class OutboxSweep implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private readonly log: RateLimitedLogger;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(OutboxSender) private readonly sender: OutboxSender,
    @Inject(Logger) logger: Logger,
  ) {
    this.log = new RateLimitedLogger(logger.child({ component: 'outbox-sweep' }));
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.tick(), INTERVAL_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  private tick(): void {
    this.running ??= this.sweep()
      .catch((error: unknown) => this.log.warn('outbox not swept', { error }))
      .finally(() => (this.running = undefined));
  }

  private async sweep(): Promise<void> {
    while ((await this.sweepBatch()) === BATCH);
  }

  /** @returns how many rows were sent. */
  private sweepBatch(): Promise<number> {
    return this.database.transaction(async (tx) => {
      const rows = await this.outbox.take(tx, MIN_AGE_MS, BATCH);
      const sent = await this.sender.send(rows);
      await this.outbox.delete(sent, tx);
      return sent.length;
    });
  }
}
