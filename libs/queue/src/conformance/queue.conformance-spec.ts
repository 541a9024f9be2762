import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import type { Config } from '#libs/config';
import { Database } from '#libs/database';
import { newId } from '#libs/kernel';
import { type TestDatabase, eventually, testDatabase } from '#libs/testing';
import type { JobDefinition } from '../job-definition.js';
import { JobRinger } from '../job-ringer.js';
import { OutboxSender } from '../outbox-sender.js';
import { QueueRegistry } from '../queue-registry.js';
import { bundleChild, killChild, startChild } from './child-process-spec.js';
import { CONTROL_WORK, FOLDED_WORK, HOST_WORK, RETRIED_WORK, TABLES, type Work, openFixture } from './fixture-spec.js';

/** A backend under test. */
export interface BackendUnderTest {
  readonly redisUrl?: string;
}

/** What every queue backend has to do. */
export function describeQueueConformance(name: string, open: () => Promise<BackendUnderTest>): void {
  describe(`a queue on ${name}`, () => {
    let test: TestDatabase;
    let config: Config;
    let child: string;
    const apps: INestApplicationContext[] = [];

    const start = async (worker?: Parameters<typeof openFixture>[1]) => {
      const app = await openFixture(config, worker);
      apps.push(app);
      return app;
    };
    const ring = <P extends object>(app: INestApplicationContext, job: JobDefinition<P>, payload: P, hostId?: string) =>
      app
        .get(Database)
        .transaction((tx) => app.get(JobRinger).ring(tx, job, payload, hostId === undefined ? undefined : { hostId }));
    const attempts = (id: string) =>
      test.database.query<{ ended: string | null; pid: number }>(
        'SELECT ended, pid FROM test_attempts WHERE id = $1 ORDER BY n',
        [id],
      );
    const ended = async (id: string) => (await attempts(id)).map((attempt) => attempt.ended);
    const release = (id: string) =>
      test.database.query('INSERT INTO test_released VALUES ($1) ON CONFLICT DO NOTHING', [id]);
    const outboxRows = async () => (await test.database.query('SELECT 1 FROM outbox')).length;
    const started = (id: string, count = 1) => eventually(async () => (await attempts(id)).length === count);
    const jobs = async (app: INestApplicationContext, queue = 'control') =>
      (await app.get(QueueRegistry).queue(queue)).getJobCounts('waiting', 'active', 'delayed', 'failed', 'completed');

    beforeAll(async () => {
      test = await testDatabase();
      await test.database.query(TABLES);
      config = test.config({ ...(await open()) });
      child = await bundleChild();
    });
    afterEach(async () => {
      await Promise.all(apps.splice(0).map((app) => app.close()));
    });
    afterAll(async () => {
      await test.close();
    });

    it('does each rung job once and leaves the outbox empty', async () => {
      const [api] = await Promise.all([start(), start({})]);
      const ids = Array.from({ length: 30 }, newId);
      await Promise.all(ids.map((id) => ring(api, CONTROL_WORK, { id })));
      await eventually(async () => (await Promise.all(ids.map(ended))).every((list) => list[0] === 'done'));
      expect((await Promise.all(ids.map(ended))).flat()).toHaveLength(30);
      await eventually(async () => (await outboxRows()) === 0);
    });

    it('rings nothing when the transaction rolls back', async () => {
      const app = await start({});
      const id = newId();
      const failing = app.get(Database).transaction(async (tx) => {
        await app.get(JobRinger).ring(tx, CONTROL_WORK, { id });
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      const marker = newId();
      await ring(app, CONTROL_WORK, { id: marker });
      await eventually(async () => (await ended(marker))[0] === 'done');
      expect(await ended(id)).toEqual([]);
    });

    it('gives a host its own jobs only', async () => {
      const api = await start();
      await start({ queues: ['host.here'] });
      const [here, there] = [newId(), newId()];
      await ring(api, HOST_WORK, { id: there }, 'there');
      await ring(api, HOST_WORK, { id: here }, 'here');
      await eventually(async () => (await ended(here))[0] === 'done');
      expect(await ended(there)).toEqual([]);
      expect(await jobs(api, 'host.there')).toMatchObject({ waiting: 1 });
      await expect(ring(api, HOST_WORK, { id: here })).rejects.toThrow('needs the host');
    });

    it('folds a burst into the running job and one that follows', async () => {
      const app = await start({});
      const id = newId();
      await ring(app, FOLDED_WORK, { id, how: 'wait' });
      await started(id);
      for (let n = 0; n < 3; n += 1) await ring(app, FOLDED_WORK, { id });
      await Promise.all(Array.from({ length: 12 }, () => ring(app, FOLDED_WORK, { id })));
      await app.get(OutboxSender).settled();
      await release(id);
      await eventually(async () => (await ended(id)).join() === 'done,done');
      const marker = newId();
      await ring(app, CONTROL_WORK, { id: marker });
      await eventually(async () => (await ended(marker))[0] === 'done');
      expect(await ended(id)).toEqual(['done', 'done']);
      await app.get(OutboxSender).settled();
      expect(await outboxRows()).toBe(0);
    });

    it('tries again what time may cure, as often as the job says, and nothing else', async () => {
      const app = await start({});
      const [retry, fail, giveUp, missing, once] = Array.from({ length: 5 }, newId) as [string, ...string[]];
      await ring(app, RETRIED_WORK, { id: retry, how: 'retry' });
      await ring(app, RETRIED_WORK, { id: fail!, how: 'fail' });
      await ring(app, RETRIED_WORK, { id: giveUp!, how: 'give-up' });
      await ring(app, RETRIED_WORK, { id: missing!, how: 'not-found' });
      await ring(app, CONTROL_WORK, { id: once!, how: 'retry' });
      const queue = await app.get(QueueRegistry).queue('control');
      await eventually(async () => (await queue.getFailedCount()) === 5);
      const counts = await Promise.all(
        [retry, fail!, giveUp!, missing!, once!].map(async (id) => (await ended(id)).length),
      );
      expect(counts).toEqual([3, 3, 1, 1, 1]);
      const failed = await queue.getFailed();
      expect(JSON.stringify(failed.map((job) => [job.failedReason, job.stacktrace]))).not.toContain('CANARY');
      await queue.clean(0, 100, 'failed');
    });

    it('refuses a payload its class does not know before anything is written', async () => {
      const api = await start();
      const ringing = ring(api, CONTROL_WORK, { id: 7 } as unknown as Work);
      await expect(ringing).rejects.toMatchObject({ kind: 'validation' });
      expect(await outboxRows()).toBe(0);
    });

    it('sends what a process that died after the commit left in the outbox', async () => {
      const id = newId();
      const api = await start();
      const sender = api.get(OutboxSender);
      sender.enqueue = () => undefined;
      await ring(api, CONTROL_WORK, { id });
      expect(await outboxRows()).toBe(1);
      await start({});
      await eventually(async () => (await ended(id))[0] === 'done');
      await eventually(async () => (await outboxRows()) === 0);
      expect(await ended(id)).toEqual(['done']);
    });

    it('does not do a job twice when its row is sent several times', async () => {
      const [api] = await Promise.all([start(), start({})]);
      const id = newId();
      const sender = api.get(OutboxSender);
      const send = sender.enqueue.bind(sender);
      sender.enqueue = (row) => [row, row, row].forEach(send);
      await ring(api, CONTROL_WORK, { id });
      await sender.settled();
      await eventually(async () => (await ended(id))[0] === 'done');
      expect(await ended(id)).toEqual(['done']);
    });

    it('hands the job of a killed worker to another, which finishes it', async () => {
      const api = await start();
      const victim = await startChild(child, config);
      const id = newId();
      await ring(api, CONTROL_WORK, { id, how: 'wait' });
      await started(id);
      await killChild(victim);
      await release(id);
      await start({});
      await eventually(async () => (await ended(id)).includes('done'), { timeoutMs: 40_000 });
      const all = await attempts(id);
      expect(all.map((attempt) => attempt.ended)).toEqual([null, 'done']);
      expect(all.map((attempt) => attempt.pid)).toEqual([victim.pid, process.pid]);
      // The handler says so first, the queue notes it after.
      await eventually(async () => {
        const { waiting, active } = await jobs(api);
        return waiting === 0 && active === 0;
      });
    }, 60_000);

    it('lets running jobs finish when it is stopped', async () => {
      const worker = await start({});
      const id = newId();
      await ring(worker, CONTROL_WORK, { id, how: 'wait' });
      await started(id);
      const closing = worker.close();
      await release(id);
      await closing;
      apps.splice(apps.indexOf(worker), 1);
      expect(await ended(id)).toEqual(['done']);
    });

    it('interrupts jobs that take too long to stop, and gives them back', async () => {
      const worker = await start({ drainTimeoutMs: 50 });
      const [waits, hangs] = [newId(), newId()];
      await ring(worker, CONTROL_WORK, { id: waits, how: 'wait' });
      await ring(worker, CONTROL_WORK, { id: hangs, how: 'hang' });
      await Promise.all([started(waits), started(hangs)]);
      await worker.close();
      apps.splice(apps.indexOf(worker), 1);
      expect(await ended(waits)).toEqual(['The operation was aborted']);
      expect(await ended(hangs)).toEqual([null]);
      await release(waits);
      const successor = await start({ drainTimeoutMs: 50 });
      await eventually(async () => (await ended(waits)).at(-1) === 'done');
      await started(hangs, 2);
      expect(await jobs(successor)).toMatchObject({ failed: 0 });
    });

    it('lists the queues of every host', async () => {
      const api = await start();
      await test.database.query(
        `INSERT INTO hosts (id, runtime, capacity_agents) VALUES ('h1', 'fake', 1) ON CONFLICT DO NOTHING`,
      );
      const names = (await api.get(QueueRegistry).queues()).map((queue) => queue.name);
      expect(names).toEqual(['control', 'host.h1']);
    });
  });
}
