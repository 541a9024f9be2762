import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeIf, eventually } from '#libs/testing';
import { type KilledWorker, type WorkerWorld, killIfAlive, killedWorker, workerWorld } from './worker-world.js';

const signal = new AbortController().signal;

describeIf(process.platform === 'linux', 'kill -9 of the worker and of agents (process runtime)', () => {
  let world: WorkerWorld;
  let worker: KilledWorker;

  beforeAll(async () => {
    world = await workerWorld();
    worker = await killedWorker(world);
  }, 60_000);
  afterAll(() => world.close(), 30_000);

  const hasOneProcess = (agentId: string): Promise<number> =>
    eventually(() => {
      const found = world.processes(agentId);
      if (found.length !== 1) throw new Error(`${found.length} processes run for agent ${agentId}`);
      return found[0]!.pid;
    });

  it.each([0, 15, 30, 60, 100, 150, 250, 400])(
    'brings an agent up whose worker was killed %i ms after its creation',
    async (delayMs) => {
      const agent = await world.create();
      await sleep(delayMs);
      await worker.replace();
      await world.reaches(agent.id, 'running');
      await hasOneProcess(agent.id);
      expect(await world.agents.gatewayTarget(world.org, agent.id)).toMatchObject({ hostId: 'test-host' });
    },
    40_000,
  );

  it('keeps the processes of running agents when it takes them over', async () => {
    const agent = await worker.running();
    const before = await hasOneProcess(agent.id);
    await worker.replace();
    await sleep(3_000);
    expect(await hasOneProcess(agent.id)).toBe(before);
    expect((await world.agents.get(world.org.caller, agent.id)).status).toBe('running');
  }, 40_000);

  it.each([0, 20, 60, 120])(
    'restarts an agent although the worker was killed %i ms after the command',
    async (delayMs) => {
      const agent = await worker.running();
      const before = await hasOneProcess(agent.id);
      await worker.replaceAfter(delayMs, () => world.agents.restart(world.org.caller, agent.id));
      const settled = await world.agents.settle(world.org.caller, agent.id, { timeoutMs: 15_000, signal });
      expect(settled.status).toBe('running');
      expect(await hasOneProcess(agent.id)).not.toBe(before);
    },
    40_000,
  );

  it.each([0, 20, 60, 120, 250])(
    'stops an agent although the worker was killed %i ms after the command',
    async (delayMs) => {
      const agent = await worker.running();
      await worker.replaceAfter(delayMs, () => world.agents.stop(world.org.caller, agent.id));
      await world.reaches(agent.id, 'stopped');
      expect(world.processes(agent.id)).toEqual([]);
      await world.agents.start(world.org.caller, agent.id);
      await world.reaches(agent.id, 'running');
      await hasOneProcess(agent.id);
    },
    40_000,
  );

  it.each([0, 20, 60, 120])(
    'deletes an agent although the worker was killed %i ms after the command',
    async (delayMs) => {
      const agent = await worker.running();
      await worker.replaceAfter(delayMs, () => world.agents.delete(world.org.caller, agent.id));
      await world.reaches(agent.id, 'gone');
      expect(world.processes(agent.id)).toEqual([]);
    },
    40_000,
  );

  it('runs an agent again that was killed', async () => {
    const agent = await worker.running();
    const before = await hasOneProcess(agent.id);
    killIfAlive(before);
    await eventually(
      async () => {
        const now = world.processes(agent.id);
        const { status } = await world.agents.get(world.org.caller, agent.id);
        return now.length === 1 && now[0]!.pid !== before && status === 'running';
      },
      { timeoutMs: 15_000 },
    );
    const why = await world.agents.why(world.org.caller, agent.id);
    expect(why.transitions.map(({ to }) => to).slice(0, 3)).toEqual(['running', 'restarting', 'restarting']);
  }, 40_000);

  it('kills the agent and the worker at once, and both come back', async () => {
    const agent = await worker.running();
    const before = await hasOneProcess(agent.id);
    killIfAlive(before);
    await worker.replace();
    await eventually(
      async () => {
        const found = world.processes(agent.id);
        return found.length === 1 && found[0]!.pid !== before;
      },
      { timeoutMs: 15_000 },
    );
    await world.reaches(agent.id, 'running');
  }, 40_000);

  it('stores each line of output once, however often the worker is killed', async () => {
    const agent = await worker.running();
    for (let kill = 0; kill < 3; kill++) {
      await sleep(300);
      await worker.replace();
    }
    const lines = await eventually(async () => {
      const found = await world.logs.tail(world.org.caller, agent.id, 1000);
      return found.length > 0 ? found : undefined;
    });
    await sleep(1_000);
    const later = await world.logs.tail(world.org.caller, agent.id, 1000);
    expect(later.length).toBeGreaterThanOrEqual(lines.length);
    const texts = later.map(({ line }) => line);
    expect(new Set(texts).size).toBe(texts.length);
  }, 40_000);

  it('goes on without a restart after all its database connections were cut', async () => {
    await world.dropConnections();
    const agent = await eventually(() => world.create('after the cut'), { timeoutMs: 15_000 });
    await world.reaches(agent.id, 'running');
    expect(worker.process.child.exitCode).toBeNull();
    const second = await world.startWorker().then(
      () => 'it started',
      (error: Error) => error.message,
    );
    expect(second).toContain('Another worker already runs the host "test-host"');
  }, 60_000);

  it('leaves no process behind that nobody wants', async () => {
    const rows = await world.query<{ id: string }>(`SELECT id FROM agents WHERE status = 'running'`);
    await eventually(() => {
      const running = world.processes().map(({ agentId }) => agentId);
      return JSON.stringify(running.sort()) === JSON.stringify(rows.map(({ id }) => id).sort());
    });
  });

  it('ends its agents with itself when told to, and brings them back', async () => {
    await worker.process.end('SIGKILL');
    await worker.start({ ROOKERY_STOP_AGENTS_ON_EXIT: '1' });
    const before = (await world.query<{ id: string }>(`SELECT id FROM agents WHERE desired_state = 'running'`)).length;
    expect(await worker.process.end('SIGTERM')).toBe(0);
    expect(world.processes()).toEqual([]);
    await worker.start();
    await eventually(() => world.processes().length === before, { timeoutMs: 15_000 });
  }, 60_000);
});
