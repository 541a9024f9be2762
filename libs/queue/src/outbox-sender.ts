import { Inject, Injectable } from '@nestjs/common';
import type { JobsOptions } from 'bullmq';
import { Logger, RateLimitedLogger } from '#libs/observability';
import { Outbox, type OutboxRow } from './outbox.js';
import { QueueRegistry } from './queue-registry.js';

const BATCH = 100;
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

  /** Adds the jobs to their queues, those of one queue together. @returns the ids of the rows that arrived. */
  async send(rows: readonly OutboxRow[]): Promise<string[]> {
    const queues = [...new Set(rows.map((row) => row.queue))];
    const sent = await Promise.all(
      queues.map(async (name) => {
        try {
          return await this.add(
            name,
            rows.filter((row) => row.queue === name),
          );
        } catch (error) {
          this.log.warn('jobs not sent, the sweep will', { error });
          return [];
        }
      }),
    );
    return sent.flat();
  }

  private async drain(): Promise<void> {
    while (this.pending.length > 0) {
      const sent = await this.send(this.pending.splice(0, BATCH));
      await this.outbox.delete(sent).catch((error: unknown) => this.log.warn('outbox rows not deleted', { error }));
    }
  }

  private async add(name: string, rows: readonly OutboxRow[]): Promise<string[]> {
    const queue = await this.registry.queue(name);
    await queue.addBulk(rows.map((row) => ({ name: row.job, data: row.payload, opts: jobOptions(row) })));
    return rows.map((row) => row.id);
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
