import { setTimeout as sleep } from 'node:timers/promises';
import { type DynamicModule, Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { UnrecoverableError } from 'bullmq';
import { IsOptional, IsString } from 'class-validator';
import { type Config, ConfigModule } from '#libs/config';
import { Database, DatabaseModule } from '#libs/database';
import { DomainError } from '#libs/kernel';
import { LoggerModule, Metrics, silentLogger } from '#libs/observability';
import { HandlesJob } from '../handles-job.js';
import { type JobContext, defineJob } from '../job-definition.js';
import type { WorkerQueues } from '../job-dispatcher.js';
import { QueueModule } from '../queue.module.js';

export class Work {
  @IsString()
  id!: string;

  /** What the handler does: `wait` holds until the row is released, `hang` ignores its signal, the rest are outcomes. */
  @IsOptional()
  @IsString()
  how?: 'wait' | 'hang' | 'retry' | 'fail' | 'give-up' | 'not-found';
}

export const CONTROL_WORK = defineJob({ name: 'test.control', queue: 'control', payload: Work, attempts: 1 });
export const HOST_WORK = defineJob({ name: 'test.host', queue: 'host', payload: Work, attempts: 1 });
export const RETRIED_WORK = defineJob({
  name: 'test.retried',
  queue: 'control',
  payload: Work,
  attempts: 3,
  backoffMs: 20,
});
export const FOLDED_WORK = defineJob({
  name: 'test.folded',
  queue: 'control',
  payload: Work,
  attempts: 1,
  deduplicate: (payload) => payload.id,
});

export const CATALOGUE = [CONTROL_WORK, HOST_WORK, RETRIED_WORK, FOLDED_WORK];

/** What handlers write, so that every process can see it. */
export const TABLES = `
CREATE TABLE IF NOT EXISTS test_attempts (n bigserial, id text, pid int, ended text);
CREATE TABLE IF NOT EXISTS test_released (id text PRIMARY KEY);`;

@Injectable()
export class Handlers {
  constructor(@Inject(Database) private readonly database: Database) {}

  @HandlesJob(CONTROL_WORK)
  control(work: Work, context: JobContext): Promise<void> {
    return this.work(work, context);
  }

  @HandlesJob(HOST_WORK)
  host(work: Work, context: JobContext): Promise<void> {
    return this.work(work, context);
  }

  @HandlesJob(RETRIED_WORK)
  retried(work: Work, context: JobContext): Promise<void> {
    return this.work(work, context);
  }

  @HandlesJob(FOLDED_WORK)
  folded(work: Work, context: JobContext): Promise<void> {
    return this.work(work, context);
  }

  private async work({ id, how }: Work, { signal }: JobContext): Promise<void> {
    const [attempt] = await this.database.query<{ n: string }>(
      'INSERT INTO test_attempts (id, pid) VALUES ($1, $2) RETURNING n',
      [id, process.pid],
    );
    const end = (text: string) =>
      this.database.query('UPDATE test_attempts SET ended = $2 WHERE n = $1', [attempt!.n, text]);
    try {
      await this.outcome(id, how, signal);
    } catch (error) {
      await end((error as Error).message);
      throw error;
    }
    await end('done');
  }

  private async outcome(id: string, how: Work['how'], signal: AbortSignal): Promise<void> {
    if (how === 'retry') throw new DomainError('unavailable', 'later', 'try later');
    if (how === 'fail') throw new Error('broken, token sk-ant-CANARYCANARY');
    if (how === 'give-up') throw new UnrecoverableError('never');
    if (how === 'not-found') throw new DomainError('not_found', 'not_found', 'gone');
    if (how === 'hang') await sleep(3_600_000, undefined, { ref: false });
    while (how === 'wait' && !(await this.released(id))) await sleep(20, undefined, { signal });
  }

  private async released(id: string): Promise<boolean> {
    return (await this.database.query('SELECT 1 FROM test_released WHERE id = $1', [id])).length > 0;
  }
}

/** A process of the tests: the platform, the handlers when it is a worker, and the queue. */
@Module({})
export class FixtureModule {
  static of(config: Config, worker?: Partial<WorkerQueues>): DynamicModule {
    const queue = worker
      ? QueueModule.forWorker({ catalogue: CATALOGUE, queues: ['control'], ...worker })
      : QueueModule.forProducer();
    return {
      module: FixtureModule,
      imports: [
        ConfigModule.forRoot(config),
        LoggerModule.forRoot(silentLogger(), new Metrics({ process: false })),
        DatabaseModule.forRoot(),
        queue,
      ],
      providers: worker ? [Handlers] : [],
    };
  }
}

export const openFixture = (config: Config, worker?: Partial<WorkerQueues>) =>
  NestFactory.createApplicationContext(FixtureModule.of(config, worker), { logger: false, abortOnError: false });
