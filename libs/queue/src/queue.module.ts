import { BullModule } from '@nestjs/bullmq';
import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import { DiscoveryModule, MetadataScanner } from '@nestjs/core';
import { CONFIG, type Config } from '#libs/config';
import { Logger, RateLimitedLogger } from '#libs/observability';
import { JobDispatcher, WORKER_OPTIONS, type WorkerQueues } from './job-dispatcher.js';
import { JobRinger } from './job-ringer.js';
import { OutboxSender } from './outbox-sender.js';
import { OutboxSweep } from './outbox-sweep.js';
import { Outbox } from './outbox.js';
import { type QueueBackend, openQueueBackend } from './queue-backend.js';
import { QUEUE_BACKEND, QueueRegistry } from './queue-registry.js';
import { PROCESSORS, QueueWorkers, processorOf } from './queue-workers.js';

const backend = (listeners: number): Provider => ({
  provide: QUEUE_BACKEND,
  inject: [CONFIG, Logger],
  useFactory: (config: Config, logger: Logger): QueueBackend => {
    const log = new RateLimitedLogger(logger.child({ component: 'queue-backend' }));
    return openQueueBackend(config, listeners, (error) => log.warn('queue backend connection', { error }));
  },
});

const EXPORTS = [JobRinger, OutboxSender, QueueRegistry, QUEUE_BACKEND];

/** Jobs: {@link JobRinger} everywhere, workers where asked for. Needs ConfigModule, DatabaseModule and LoggerModule. */
@Module({})
export class QueueModule {
  /** For a process that only rings. */
  static forProducer(): DynamicModule {
    return {
      module: QueueModule,
      global: true,
      providers: [backend(0), Outbox, OutboxSender, QueueRegistry, JobRinger],
      exports: EXPORTS,
    };
  }

  /** For a process that also handles jobs; start-up fails when a job it serves has not exactly one handler. */
  static forWorker(options: WorkerQueues): DynamicModule {
    const processors: Type[] = options.queues.map((queue) => processorOf(queue, options.concurrency));
    return {
      module: QueueModule,
      global: true,
      imports: [
        DiscoveryModule,
        BullModule.forRootAsync({
          inject: [QUEUE_BACKEND],
          useFactory: ({ worker }: QueueBackend) => ({ connection: worker }),
          extraOptions: { manualRegistration: true },
        }),
        BullModule.registerQueue(),
      ],
      providers: [
        backend(options.queues.length),
        Outbox,
        OutboxSender,
        OutboxSweep,
        QueueRegistry,
        JobRinger,
        MetadataScanner,
        JobDispatcher,
        QueueWorkers,
        { provide: WORKER_OPTIONS, useValue: options },
        { provide: PROCESSORS, useValue: processors },
        ...processors,
      ],
      exports: EXPORTS,
    };
  }
}
