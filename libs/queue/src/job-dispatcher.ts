import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { type Job, UnrecoverableError, WaitingError } from 'bullmq';
import { Logger, Metrics, runWithContext } from '#libs/observability';
import { HANDLES_JOB } from './handles-job.js';
import type { JobContext, JobDefinition } from './job-definition.js';
import { parsePayload } from './payload.js';
import { toJobError } from './queue.errors.js';

/** Injection token of what `QueueModule.forWorker` was given. */
export const WORKER_OPTIONS = Symbol('WORKER_OPTIONS');

/** What a worker serves. */
export interface WorkerQueues {
  /** Every job of the system; those of the queues served must have exactly one handler here. */
  readonly catalogue: readonly JobDefinition[];
  /** Names: `control`, {@link hostQueue}. */
  readonly queues: readonly string[];
  /** Jobs each queue runs at once; 20 unless given. */
  readonly concurrency?: number;
  /** How long SIGTERM lets running jobs finish before their signal fires; 10 s unless given. */
  readonly drainTimeoutMs?: number;
}

interface Handler {
  readonly job: JobDefinition;
  readonly run: (payload: object, context: JobContext) => Promise<void>;
}

const GRACE_MS = 2_000;

/** Finds the handlers and runs jobs with them. */
@Injectable()
export class JobDispatcher {
  private readonly handlers = new Map<string, Handler>();
  private readonly running = new Set<AbortController>();
  private stopping = false;
  private readonly log: Logger;
  private readonly seconds;
  private readonly waits;

  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(MetadataScanner) private readonly scanner: MetadataScanner,
    @Inject(WORKER_OPTIONS) private readonly options: WorkerQueues,
    @Inject(Logger) logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.log = logger.child({ component: 'jobs' });
    this.seconds = metrics.histogram('rookery_job_seconds', 'Time a job ran', ['job', 'outcome']);
    this.waits = metrics.histogram('rookery_job_wait_seconds', 'Time a job waited for its first try', ['job']);
  }

  /** @throws Error naming every catalogued job of the queues served that has no handler, or more than one. */
  collect(): void {
    const found = this.discovered();
    const problems = this.options.catalogue
      .filter((job) => this.serves(job))
      .map((job) => ({ job, count: found.filter((handler) => handler.job.name === job.name).length }))
      .filter(({ count }) => count !== 1)
      .map(({ job, count }) => `job ${job.name} has ${count} handlers, it needs exactly one`);
    const unknown = found
      .filter((handler) => !this.options.catalogue.some((job) => job.name === handler.job.name))
      .map((handler) => `job ${handler.job.name} has a handler but is not in the catalogue`);
    if (problems.length + unknown.length > 0) {
      throw new Error(`The job catalogue does not fit:\n  ${[...problems, ...unknown].join('\n  ')}`);
    }
    for (const handler of found) this.handlers.set(handler.job.name, handler);
  }

  /** Fires the signal of every running job; those that do not end soon are handed back to the queue. */
  stop(): void {
    this.stopping = true;
    for (const job of this.running) job.abort(new Error('The worker is stopping'));
  }

  /** Runs one job. Interrupted by a stop it goes back to the queue, as if it had not been taken. */
  async run(job: Job, token: string | undefined, lost: AbortSignal | undefined): Promise<void> {
    const started = performance.now();
    if (job.attemptsMade === 0) this.waits.observe({ job: job.name }, (Date.now() - job.timestamp) / 1_000);
    const outcome = await runWithContext({ jobId: job.id }, () => this.attempt(job, lost));
    const label = outcome === undefined ? 'done' : this.stopping ? 'returned' : 'failed';
    this.seconds.observe({ job: job.name, outcome: label }, (performance.now() - started) / 1_000);
    if (outcome === undefined) return;
    if (label === 'returned') {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    this.log.warn('job failed', { job: job.name, jobId: job.id, attempt: job.attemptsMade + 1, error: outcome });
    throw toJobError(outcome);
  }

  private async attempt(job: Job, lost: AbortSignal | undefined): Promise<unknown> {
    const handler = this.handlers.get(job.name);
    if (!handler) return new UnrecoverableError(`No handler for job ${job.name}`);
    const controller = new AbortController();
    this.running.add(controller);
    lost?.addEventListener('abort', () => controller.abort(lost.reason), { once: true });
    try {
      const payload = parsePayload(handler.job, job.data);
      const context = { signal: controller.signal, attempt: job.attemptsMade + 1, jobId: job.id ?? '' };
      await abandonable(controller.signal, handler.run(payload, context));
      return undefined;
    } catch (error) {
      return error ?? new Error('The handler threw nothing');
    } finally {
      this.running.delete(controller);
    }
  }

  private serves(job: JobDefinition): boolean {
    return this.options.queues.some((name) =>
      job.queue === 'control' ? name === 'control' : name.startsWith('host.'),
    );
  }

  private discovered(): Handler[] {
    return this.discovery.getProviders().flatMap(({ instance }) => {
      if (typeof instance !== 'object' || instance === null) return [];
      const methods = instance as Record<string, Handler['run']>;
      return this.scanner.getAllMethodNames(Object.getPrototypeOf(instance) as object).flatMap((name) => {
        const job = Reflect.getMetadata(HANDLES_JOB, methods[name] as object) as JobDefinition | undefined;
        return job ? [{ job, run: methods[name]!.bind(instance) }] : [];
      });
    });
  }
}

/** Settles as `work` does, or fails some time after the signal: a handler that ignores it must not hold the process. */
const abandonable = (signal: AbortSignal, work: Promise<void>): Promise<void> =>
  new Promise((resolve, reject) => {
    const giveUp = (): void => reject(new Error('The job ignored its signal'));
    signal.addEventListener('abort', () => setTimeout(giveUp, GRACE_MS).unref(), { once: true });
    work.then(resolve, reject);
  });
