import { Inject, Injectable } from '@nestjs/common';
import type { JobsOptions } from 'bullmq';
import { Logger, RateLimitedLogger } from '#libs/observability';
import { Outbox, type OutboxRow } from './outbox.js';
import { QueueRegistry } from './queue-registry.js';

const BATCH = 50;
const MOST_PENDING = 5_000;
const HOUR_SECONDS = 3_600;

/**
 * Sends committed outbox rows and deletes them, behind the back of whoever rang. Rows that pile up while a batch is on
 * its way go together; what does not fit or fails stays in the table for the sweep.
 */
@Injectable()
export class OutboxSender {
  private pending: OutboxRow[] = [];
  private sending: Promise<void> | undefined;
  private readonly log: RateLimitedLogger;

  constructor(
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(QueueRegistry) private readonly registry: QueueRegistry,
    @Inject(Logger) logger: Logger,
  ) {
    this.log = new RateLimitedLogger(logger.child({ component: 'outbox' }));
  }

  /** Takes a row whose transaction has committed; returns at once. */
  enqueue(row: OutboxRow): void {
    if (this.pending.length >= MOST_PENDING) return;
    this.pending.push(row);
    this.sending ??= this.drain().finally(() => (this.sending = undefined));
  }

  /** Resolves when everything enqueued so far was tried. */
  async settled(): Promise<void> {
    while (this.sending) await this.sending;
  }

  /** Adds the jobs to their queues. @returns the ids of the rows that arrived. */
  async send(rows: readonly OutboxRow[]): Promise<string[]> {
    const results = await Promise.allSettled(rows.map((row) => this.add(row)));
    for (const result of results) {
      if (result.status === 'rejected') this.log.warn('job not sent, the sweep will', { error: result.reason });
    }
    return rows.filter((_, index) => results[index]!.status === 'fulfilled').map((row) => row.id);
  }

  private async drain(): Promise<void> {
    while (this.pending.length > 0) {
      const sent = await this.send(this.pending.splice(0, BATCH));
      await this.outbox.delete(sent).catch((error: unknown) => this.log.warn('outbox rows not deleted', { error }));
    }
  }

  private async add(row: OutboxRow): Promise<void> {
    const queue = await this.registry.queue(row.queue);
    await queue.add(row.job, row.payload, jobOptions(row));
  }
}

/** The id makes sending a row twice harmless for as long as BullMQ remembers the job. */
const jobOptions = ({ id, createdAt, options }: OutboxRow): JobsOptions => ({
  jobId: `outbox-${id}-${createdAt.getTime()}`,
  attempts: options.attempts,
  backoff: { type: 'exponential', delay: options.backoffMs },
  removeOnComplete: { age: HOUR_SECONDS, count: 1_000 },
  removeOnFail: { age: 7 * 24 * HOUR_SECONDS },
  ...(options.deduplicationId === undefined
    ? {}
    : { deduplication: { id: options.deduplicationId, keepLastIfActive: true } }),
});
