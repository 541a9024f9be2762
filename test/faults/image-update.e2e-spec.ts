import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeIf, eventually } from '#libs/testing';
import { type KilledWorker, type WorkerWorld, killedWorker, workerWorld } from './worker-world.js';

const signal = new AbortController().signal;
const patience = { timeoutMs: 30_000, signal };

describeIf(process.platform === 'linux', 'an update of the image (process runtime)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-images-'));
  const image = (name: string): string => join(folder, name);
  let world: WorkerWorld;
  let worker: KilledWorker;

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    cpSync(join(process.cwd(), 'dist/agent'), image('next'), { recursive: true });
    mkdirSync(image('broken'));
    writeFileSync(join(image('broken'), 'main.js'), 'process.exit(3);');
    world = await workerWorld({ images: [image('next'), image('broken'), image('absent')] });
    worker = await killedWorker(world, { AGENT_UPDATE_SETTLE_SECONDS: '1' });
  }, 60_000);
  afterAll(async () => {
    await world.close();
    rmSync(folder, { recursive: true, force: true });
  }, 30_000);

  const hasOneProcess = (agentId: string): Promise<number> =>
    eventually(() => {
      const found = world.processes(agentId);
      if (found.length !== 1) throw new Error(`${found.length} processes run for agent ${agentId}`);
      return found[0]!.pid;
    });
  const outcomes = async (agentId: string): Promise<string[]> =>
    (await world.agents.why(world.org.caller, agentId)).imageUpdates.map(({ outcome }) => outcome);

  it('runs the agent from another folder', async () => {
    const { id } = await worker.running();
    const { image: before, imageId } = await world.agents.get(world.org.caller, id);
    await world.agents.updateImage(world.org.caller, id, image('next'));
    const updated = await world.agents.settle(world.org.caller, id, patience);
    expect(updated).toMatchObject({ status: 'running', image: image('next'), previousImage: null });
    expect(updated.imageId).not.toBe(imageId);
    expect(before).not.toBe(updated.image);
    await hasOneProcess(id);
  }, 60_000);

  it.each([
    ['broken', 'unknown', 'exit code 3'],
    ['absent', 'image_pull', 'no program for agents'],
  ])(
    'goes back from one that is %s',
    async (name, category, error) => {
      const { id } = await worker.running();
      const { image: before } = await world.agents.get(world.org.caller, id);
      await world.agents.updateImage(world.org.caller, id, image(name));
      const settled = await world.agents.settle(world.org.caller, id, patience);
      expect(settled).toMatchObject({ status: 'running', image: before, previousImage: null, lastError: null });
      const why = await world.agents.why(world.org.caller, id);
      expect(why.imageUpdates[0]).toMatchObject({ outcome: 'returned', image: image(name), category });
      expect(why.imageUpdates[0]?.error).toContain(error);
      await hasOneProcess(id);
    },
    60_000,
  );

  it.each([0, 100, 300, 700, 1_200])(
    'ends as it has to although the worker was killed %i ms after the command',
    async (delayMs) => {
      const [good, bad] = [await worker.running(), await worker.running()];
      await worker.replaceAfter(delayMs, async () => {
        await world.agents.updateImage(world.org.caller, good.id, image('next'));
        await world.agents.updateImage(world.org.caller, bad.id, image('broken'));
      });
      expect(await world.agents.settle(world.org.caller, good.id, patience)).toMatchObject({ image: image('next') });
      await eventually(async () => (await outcomes(bad.id)).length === 2, { timeoutMs: 30_000 });
      await world.reaches(bad.id, 'running', 30_000);
      expect([await outcomes(good.id), await outcomes(bad.id)]).toEqual([
        ['done', 'wanted'],
        ['returned', 'wanted'],
      ]);
      await hasOneProcess(good.id);
      await hasOneProcess(bad.id);
    },
    90_000,
  );
});
