import { Inject, Injectable } from '@nestjs/common';
import type { Tx } from '#libs/database';
import { type JobDefinition, hostQueue } from './job-definition.js';
import { OutboxSender } from './outbox-sender.js';
import { Outbox } from './outbox.js';
import { parsePayload } from './payload.js';

const DEFAULT_BACKOFF_MS = 1_000;

/** Rings the queue's bell: the job exists exactly when the caller's transaction commits. */
@Injectable()
export class JobRinger {
  constructor(
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(OutboxSender) private readonly sender: OutboxSender,
  ) {}

  /**
   * Writes an outbox row in `tx`; after the commit this process sends it without holding the caller up, and a sweep in
   * every worker sends it should this process die or the queue be down. `to` is required for jobs of host queues.
   * @throws DomainError `validation` for a payload its class refuses.
   */
  async ring<P extends object>(
    tx: Tx,
    job: JobDefinition<P>,
    payload: P,
    to?: { readonly hostId: string },
  ): Promise<void> {
    const parsed = parsePayload(job, payload);
    const deduplicationId = job.deduplicate?.(parsed);
    const row = await this.outbox.insert(tx, {
      queue: queueOf(job, to),
      job: job.name,
      payload: parsed,
      options: {
        attempts: job.attempts,
        backoffMs: job.backoffMs ?? DEFAULT_BACKOFF_MS,
        ...(deduplicationId === undefined ? {} : { deduplicationId: `${job.name}/${deduplicationId}` }),
      },
    });
    tx.afterCommit(() => this.sender.enqueue(row));
  }
}

function queueOf(job: JobDefinition, to: { readonly hostId: string } | undefined): string {
  if (job.queue === 'control') return 'control';
  if (!to) throw new Error(`Job ${job.name} needs the host it is for`);
  return hostQueue(to.hostId);
}
