import { describe, expect, it } from '@jest/globals';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { type Job, UnrecoverableError } from 'bullmq';
import { IsString } from 'class-validator';
import { DomainError } from '#libs/kernel';
import { LoggerModule, Metrics, silentLogger } from '#libs/observability';
import { HandlesJob } from './handles-job.js';
import { type JobContext, type JobDefinition, defineJob, hostQueue } from './job-definition.js';
import { JobDispatcher, WORKER_OPTIONS } from './job-dispatcher.js';
import { RetryLater, toJobError } from './queue.errors.js';

class Payload {
  @IsString()
  id!: string;
}

const ONE = defineJob({ name: 'test.one', queue: 'control', payload: Payload, attempts: 1 });
const ON_HOST = defineJob({ name: 'test.on-host', queue: 'host', payload: Payload, attempts: 1 });

class One {
  readonly seen: [Payload, JobContext][] = [];

  @HandlesJob(ONE)
  handle(payload: Payload, context: JobContext): Promise<void> {
    this.seen.push([payload, context]);
    return payload.id === 'bad' ? Promise.reject(new Error('bad')) : Promise.resolve();
  }
}

class Another {
  @HandlesJob(ONE)
  handle(): Promise<void> {
    return Promise.resolve();
  }
}

async function dispatcher(
  catalogue: readonly JobDefinition[],
  providers: readonly (typeof One | typeof Another)[],
  queues: readonly string[] = ['control'],
) {
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule, LoggerModule.forRoot(silentLogger(), new Metrics({ process: false }))],
    providers: [JobDispatcher, { provide: WORKER_OPTIONS, useValue: { catalogue, queues } }, ...providers],
  }).compile();
  return { module, dispatcher: module.get(JobDispatcher) };
}

const job = (name: string, data: unknown): Job =>
  ({ id: 'j1', name, data, attemptsMade: 2, timestamp: Date.now() }) as unknown as Job;

describe('JobDispatcher', () => {
  it('refuses a job that nobody handles, that two handle, or that nobody declared', async () => {
    const collecting = async (...args: Parameters<typeof dispatcher>) =>
      (await dispatcher(...args)).dispatcher.collect();
    await expect(collecting([ONE], [])).rejects.toThrow('test.one has 0 handlers');
    await expect(collecting([ONE], [One, Another])).rejects.toThrow('test.one has 2 handlers');
    await expect(collecting([], [One])).rejects.toThrow('test.one has a handler but is not in the catalogue');
    await expect(collecting([ONE, ON_HOST], [One], ['control', hostQueue('h')])).rejects.toThrow('test.on-host has 0');
  });

  it('does not ask for handlers of queues it does not serve', async () => {
    const { dispatcher: control } = await dispatcher([ONE, ON_HOST], [One]);
    expect(() => control.collect()).not.toThrow();
  });

  it('gives the handler a payload of its class, the attempt and a signal', async () => {
    const { dispatcher: jobs, module } = await dispatcher([ONE], [One]);
    jobs.collect();
    await jobs.run(job('test.one', { id: 'a', more: 1 }), 'token', undefined);
    const [[payload, context]] = module.get(One).seen as [[Payload, JobContext]];
    expect(payload).toBeInstanceOf(Payload);
    expect({ ...payload }).toEqual({ id: 'a' });
    expect(context).toMatchObject({ attempt: 3, jobId: 'j1', signal: { aborted: false } });
  });

  it('gives up on payloads it does not understand and jobs it does not know', async () => {
    const { dispatcher: jobs } = await dispatcher([ONE], [One]);
    jobs.collect();
    await expect(jobs.run(job('test.one', { id: 7 }), 'token', undefined)).rejects.toThrow(UnrecoverableError);
    await expect(jobs.run(job('test.gone', {}), 'token', undefined)).rejects.toThrow(UnrecoverableError);
    await expect(jobs.run(job('test.one', { id: 'bad' }), 'token', undefined)).rejects.toThrow(RetryLater);
  });
});

describe('toJobError', () => {
  it('retries what time may cure and gives up on the rest, without secrets', () => {
    expect(toJobError(new DomainError('unavailable', 'x', 'x'))).toBeInstanceOf(RetryLater);
    expect(toJobError(new DomainError('not_found', 'x', 'x'))).toBeInstanceOf(UnrecoverableError);
    expect(toJobError(new UnrecoverableError('sk-CANARY')).message).toBe('[redacted]');
    expect(toJobError('text').message).toBe('text');
  });
});

describe('defineJob', () => {
  it('refuses names and attempts that make no sense', () => {
    const wrong = [{ name: 'Test' }, { name: 'a:b.c' }, { attempts: 0 }];
    for (const part of wrong) expect(() => defineJob({ ...ONE, ...part })).toThrow();
  });
});

describe('hostQueue', () => {
  it('makes a name BullMQ allows of any host id', () => {
    expect(hostQueue('10.0.0.1:x')).toBe('host.10.0.0.1_x');
  });
});
