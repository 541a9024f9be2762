import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describeIf, eventually } from '#libs/testing';
import { type KilledWorker, type WorkerWorld, killedWorker, workerWorld } from './worker-world.js';

const signal = new AbortController().signal;
const patience = { timeoutMs: 30_000, signal };
const NOTE = 'memory/operator/birthday.md';
const PLAN = 'work/plan.md';

describeIf(process.platform === 'linux', 'repair and reset of the memory (process runtime)', () => {
  let world: WorkerWorld;
  let worker: KilledWorker;

  beforeAll(async () => {
    world = await workerWorld();
    worker = await killedWorker(world);
  }, 60_000);
  afterAll(() => world.close(), 30_000);

  const at = (agentId: string, path: string): string => join(world.dataDir, 'agents', agentId, 'workspace', path);
  const write = (agentId: string, path: string, text: string): void => {
    mkdirSync(dirname(at(agentId, path)), { recursive: true });
    writeFileSync(at(agentId, path), text);
  };
  const onlyProcess = (agentId: string): Promise<number> =>
    eventually(() => {
      const found = world.processes(agentId);
      if (found.length !== 1) throw new Error(`${found.length} processes run for agent ${agentId}`);
      return found[0]!.pid;
    });
  const remembering = async (): Promise<{ id: string; pid: number }> => {
    const { id } = await worker.running();
    write(id, NOTE, 'the 3rd of May');
    write(id, PLAN, 'first this, then that');
    return { id, pid: await onlyProcess(id) };
  };
  const settled = (id: string) => world.agents.settle(world.org.caller, id, patience);

  it('makes a process anew with the files of its owner, and keeps what it wrote', async () => {
    const { id, pid } = await remembering();
    writeFileSync(at(id, 'SOUL.md'), 'spoilt');
    await world.agents.repair(world.org.caller, id);
    expect(await settled(id)).toMatchObject({ status: 'running', lastError: null });
    expect(await onlyProcess(id)).not.toBe(pid);
    expect(readFileSync(at(id, 'SOUL.md'), 'utf8')).not.toBe('spoilt');
    expect(readFileSync(at(id, NOTE), 'utf8')).toBe('the 3rd of May');
  }, 60_000);

  it('starts one that was stopped', async () => {
    const { id } = await remembering();
    await world.agents.stop(world.org.caller, id);
    await settled(id);
    await world.agents.repair(world.org.caller, id);
    expect(await settled(id)).toMatchObject({ status: 'running' });
    await onlyProcess(id);
  }, 60_000);

  it.each([0, 150, 500, 1_000])(
    'forgets what was remembered, and nothing else, although the worker was killed %i ms after the command',
    async (delayMs) => {
      const { id } = await remembering();
      await worker.replaceAfter(delayMs, () => world.agents.resetMemory(world.org.caller, id));
      expect(await settled(id)).toMatchObject({ status: 'running', lastError: null });
      await onlyProcess(id);
      expect(existsSync(at(id, NOTE))).toBe(false);
      expect(readFileSync(at(id, PLAN), 'utf8')).toBe('first this, then that');
      expect(existsSync(at(id, 'SOUL.md'))).toBe(true);
    },
    90_000,
  );
});
