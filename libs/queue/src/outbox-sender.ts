import { setTimeout as sleep } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { JobsOptions } from 'bullmq';
import { Logger, RateLimitedLogger } from '#libs/observability';
import { Outbox, type OutboxRow } from './outbox.js';
import { QueueRegistry } from './queue-registry.js';

const BATCH = 100;
/** On Postgres a bulk insert of one job takes four times as long as a plain one. */
const BULK_FROM = 5;
const MOST_PENDING = 5_000;
const DELETE_AFTER_MS = 50;

/**
 * Sends committed outbox rows and deletes them, behind the back of whoever rang. Rows that pile up while a batch is on
 * its way go together; what does not fit or fails stays in the table for the sweep.
 */
@Injectable()
export class OutboxSender implements BeforeApplicationShutdown {
  private pending: OutboxRow[] = [];
  private sent: string[] = [];
  private sending: Promise<void> | undefined;
  private deleting: Promise<void> | undefined;
  private readonly log: RateLimitedLogger;

  constructor(
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(QueueRegistry) private readonly registry: QueueRegistry,
    @Inject(Logger) logger: Logger,
  ) {
    this.log = new RateLimitedLogger(logger.child({ component: 'outbox' }));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.settled();
  }

  /** Takes a row whose transaction has committed; returns at once. */
  enqueue(row: OutboxRow): void {
    if (this.pending.length >= MOST_PENDING) return;
    this.pending.push(row);
    this.sending ??= this.drain();
  }

  /** Resolves when everything enqueued so far was tried. */
  async settled(): Promise<void> {
    while (this.sending ?? this.deleting) await (this.sending ?? this.deleting);
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
      this.sent.push(...(await this.send(this.pending.splice(0, BATCH))));
      if (this.sent.length > 0) this.deleting ??= this.deleteSent();
    }
    this.sending = undefined;
  }

  /** Waits a little, so that the delete neither competes with the start of the job it belongs to nor comes alone. */
  private async deleteSent(): Promise<void> {
    while (this.sent.length > 0) {
      await sleep(DELETE_AFTER_MS);
      const ids = this.sent.splice(0);
      await this.outbox.delete(ids).catch((error: unknown) => this.log.warn('outbox rows not deleted', { error }));
    }
    this.deleting = undefined;
  }

  private async add(queueName: string, rows: readonly OutboxRow[]): Promise<string[]> {
    const queue = await this.registry.queue(queueName);
    const jobs = rows.map((row) => ({ name: row.job, data: row.payload, opts: jobOptions(row) }));
    if (jobs.length >= BULK_FROM) await queue.addBulk(jobs);
    else await Promise.all(jobs.map(({ name, data, opts }) => queue.add(name, data, opts)));
    return rows.map((row) => row.id);
  }
}

/** The id makes sending a row twice harmless for as long as BullMQ remembers the job. */
const jobOptions = ({ id, createdAt, options }: OutboxRow): JobsOptions => ({
  jobId: `outbox-${id}-${createdAt.getTime()}`,
  attempts: options.attempts,
  backoff: { type: 'exponential', delay: options.backoffMs },
  ...(options.deduplicationId === undefined
    ? {}
    : { deduplication: { id: options.deduplicationId, keepLastIfActive: true } }),
});
