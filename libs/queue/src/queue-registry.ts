import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Queue } from 'bullmq';
import { Database } from '#libs/database';
import { Logger, Metrics, RateLimitedLogger } from '#libs/observability';
import { hostQueue } from './job-definition.js';
import type { QueueBackend } from './queue-backend.js';

/** Injection token of the process's {@link QueueBackend}. */
export const QUEUE_BACKEND = Symbol('QUEUE_BACKEND');

const READY_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 2_000;
const MOST_HOST_QUEUES = 500;
const STATES = ['waiting', 'active', 'delayed', 'failed'] as const;

/** The process's BullMQ queues, opened when first needed. */
@Injectable()
export class QueueRegistry implements OnApplicationShutdown {
  private readonly open = new Map<string, Promise<Queue>>();
  private readonly log: RateLimitedLogger;

  constructor(
    @Inject(QUEUE_BACKEND) private readonly backend: QueueBackend,
    @Inject(Database) private readonly database: Database,
    @Inject(Logger) logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.log = new RateLimitedLogger(logger.child({ component: 'queue' }));
    metrics.gauge('rookery_queue_jobs', 'Jobs in a queue by state', ['queue', 'state'], async (gauge) => {
      for (const queue of await this.queues()) {
        const counts = await queue.getJobCounts(...STATES);
        for (const state of STATES) gauge.set({ queue: queue.name, state }, counts[state] ?? 0);
      }
    });
  }

  /** @throws Error when the backend does not answer; the next call tries anew. */
  async queue(name: string): Promise<Queue> {
    const known = this.open.get(name);
    if (known) return known;
    const opening = this.openQueue(name);
    this.open.set(name, opening);
    opening.catch(() => this.open.delete(name));
    return opening;
  }

  /** The control queue and one for each host that ever registered (500 at most), for the queue board and the metrics. */
  async queues(): Promise<Queue[]> {
    const hosts = await this.database.query<{ id: string }>('SELECT id FROM hosts ORDER BY id LIMIT $1', [
      MOST_HOST_QUEUES,
    ]);
    return Promise.all(['control', ...hosts.map((host) => hostQueue(host.id))].map((name) => this.queue(name)));
  }

  async onApplicationShutdown(): Promise<void> {
    const queues = await Promise.allSettled(this.open.values());
    const closing = queues.map((queue) => (queue.status === 'fulfilled' ? queue.value.close() : undefined));
    await Promise.race([Promise.allSettled(closing).then(() => this.backend.close()), timeout(CLOSE_TIMEOUT_MS)]);
  }

  private async openQueue(name: string): Promise<Queue> {
    await this.backend.ready();
    const queue = new Queue(name, { connection: this.backend.producer, defaultJobOptions: this.backend.keep });
    queue.on('error', (error) => this.log.warn('queue backend error', { error }));
    try {
      const late = timeout(READY_TIMEOUT_MS).then(() => Promise.reject(new Error('The queue backend does not answer')));
      await Promise.race([queue.waitUntilReady(), late]);
      return queue;
    } catch (error) {
      queue.close().catch(() => undefined);
      throw error;
    }
  }
}

const timeout = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
