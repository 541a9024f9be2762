import { BullRegistrar, Processor, WorkerHost } from '@nestjs/bullmq';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type Type,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Job } from 'bullmq';
import { Logger, RateLimitedLogger } from '#libs/observability';
import { JobDispatcher, WORKER_OPTIONS, type WorkerQueues } from './job-dispatcher.js';

/** BullMQ's defaults take 60 s to notice a killed worker and 14 s to come back after a database restart. */
const SETTINGS = {
  lockDuration: 10_000,
  stalledInterval: 5_000,
  maxStalledCount: 1_000_000,
  runRetryDelay: 500,
} as const;

const DEFAULT_CONCURRENCY = 20;
const DEFAULT_DRAIN_MS = 10_000;

/** A BullMQ processor for one queue. It is a class because that is what @nestjs/bullmq looks for. */
export function processorOf(queue: string, concurrency = DEFAULT_CONCURRENCY): Type<WorkerHost> {
  @Processor({ name: queue }, { ...SETTINGS, concurrency })
  class QueueProcessor extends WorkerHost {
    constructor(@Inject(JobDispatcher) private readonly dispatcher: JobDispatcher) {
      super();
    }

    override process(job: Job, token?: string, signal?: AbortSignal): Promise<void> {
      return this.dispatcher.run(job, token, signal);
    }
  }
  return QueueProcessor;
}

/** The processors of this process, in the order of the queues served. */
export const PROCESSORS = Symbol('PROCESSORS');

/** Starts the workers once the whole application is up and every job has its handler; drains them at the end. */
@Injectable()
export class QueueWorkers implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private processors: readonly WorkerHost[] = [];
  private readonly log: RateLimitedLogger;

  constructor(
    @Inject(ModuleRef) private readonly modules: ModuleRef,
    @Inject(JobDispatcher) private readonly dispatcher: JobDispatcher,
    @Inject(WORKER_OPTIONS) private readonly options: WorkerQueues,
    @Inject(PROCESSORS) private readonly types: readonly Type<WorkerHost>[],
    @Inject(Logger) logger: Logger,
  ) {
    this.log = new RateLimitedLogger(logger.child({ component: 'queue-worker' }));
  }

  onApplicationBootstrap(): void {
    this.dispatcher.collect();
    this.modules.get(BullRegistrar, { strict: false }).register();
    this.processors = this.types.map((type) => this.modules.get<WorkerHost>(type));
    for (const { worker } of this.processors) {
      worker.on('error', (error) => this.log.warn('queue worker error', { queue: worker.name, error }));
      worker.on('stalled', (jobId) => this.log.warn('job of a lost worker taken over', { queue: worker.name, jobId }));
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    const closed = Promise.allSettled(this.processors.map(({ worker }) => worker.close()));
    const limit = setTimeout(() => this.dispatcher.stop(), this.options.drainTimeoutMs ?? DEFAULT_DRAIN_MS);
    await closed;
    clearTimeout(limit);
  }
}
