import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import Docker from 'dockerode';
import { describeIf, eventually, requireTool } from '#libs/testing';
import { removeHost } from '../e2e/docker-host.js';
import { type KilledWorker, type WorkerWorld, killedWorker, workerWorld } from './worker-world.js';

const HOST = `update-docker-${process.pid}`;
const OLD = 'rookery/agent:local';
const NAME = `rookery-test/update-${process.pid}`;
const NEXT = `${NAME}:next`;
const BROKEN = `${NAME}:broken`;
/** Nobody listens there, so that no registry is waited for. */
const ABSENT = `localhost:1/${NAME}:absent`;
const ENVIRONMENT = {
  RUNTIME: 'docker',
  HOST_ID: HOST,
  EDGE_CONTAINER: `rookery-edge-${HOST}`,
  EDGE_IMAGE: 'rookery/edge:local',
  AGENT_IMAGE: OLD,
  AGENT_UPDATE_SETTLE_SECONDS: '1',
  DOCKER_SUBNET_POOL: '10.230.0.0/16',
};

const patience = { timeoutMs: 60_000, signal: new AbortController().signal };

describeIf(requireTool('docker'), 'an update of the image (docker runtime)', () => {
  const docker = new Docker();
  let world: WorkerWorld;
  let worker: KilledWorker;

  /** The agent's image with something more on top. */
  const derive = async (tag: string, changes: string[]): Promise<void> => {
    const container = await docker.createContainer({ Image: OLD });
    const [repo, name] = tag.split(':');
    await container.commit({ repo, tag: name, changes });
    await container.remove();
  };

  beforeAll(async () => {
    execFileSync(process.execPath, ['scripts/local-images.mjs', 'agent', 'rookery'], { stdio: 'pipe' });
    await derive(NEXT, ['LABEL version=next']);
    await derive(BROKEN, ['CMD ["node", "-e", "process.exit(3)"]']);
    world = await workerWorld({ images: [`${NAME}:*`, ABSENT] });
    worker = await killedWorker(world, ENVIRONMENT);
  }, 300_000);
  afterAll(async () => {
    await world?.close();
    await removeHost(HOST);
    for (const tag of [NEXT, BROKEN]) await docker.getImage(tag).remove({ force: true });
  }, 120_000);

  const containerOf = async (agentId: string): Promise<Docker.ContainerInspectInfo> => {
    const filters = { label: [`dev.rookery.agent=${agentId}`] };
    const found = await docker.listContainers({ all: true, filters });
    expect(found.map(({ State }) => State)).toEqual(['running']);
    return docker.getContainer(found[0]!.Id).inspect();
  };
  const idOf = async (tag: string): Promise<string> => (await docker.getImage(tag).inspect()).Id;

  it('runs the agent from it on the same workspace', async () => {
    const { id } = await worker.running();
    expect((await world.agents.get(world.org.caller, id)).imageId).toBe(await idOf(OLD));
    const before = await containerOf(id);
    await world.agents.updateImage(world.org.caller, id, NEXT);
    const updated = await world.agents.settle(world.org.caller, id, patience);
    expect(updated).toMatchObject({ status: 'running', image: NEXT, imageId: await idOf(NEXT), previousImage: null });
    const after = await containerOf(id);
    expect([after.Image, after.Mounts]).toEqual([await idOf(NEXT), before.Mounts]);
  }, 90_000);

  it.each([
    [BROKEN, 'unknown'],
    [ABSENT, 'image_pull'],
  ])(
    'goes back from %s',
    async (image, category) => {
      const { id } = await worker.running();
      await world.agents.updateImage(world.org.caller, id, image);
      const settled = await world.agents.settle(world.org.caller, id, patience);
      expect(settled).toMatchObject({ status: 'running', image: OLD, previousImage: null, lastError: null });
      const why = await world.agents.why(world.org.caller, id);
      expect(why.imageUpdates[0]).toMatchObject({ outcome: 'returned', image, category });
      expect((await containerOf(id)).Image).toBe(await idOf(OLD));
    },
    90_000,
  );

  it('comes back on what the name meant before, and stays on it, when a moved tag is broken', async () => {
    const { id } = await worker.running();
    await world.agents.updateImage(world.org.caller, id, NEXT);
    await world.agents.settle(world.org.caller, id, patience);
    const good = await idOf(NEXT);
    await derive(NEXT, ['CMD ["node", "-e", "process.exit(3)"]']);
    expect(await idOf(NEXT)).not.toBe(good);
    await world.agents.updateImage(world.org.caller, id, NEXT);
    expect(await world.agents.settle(world.org.caller, id, patience)).toMatchObject({ status: 'running', image: NEXT });
    expect((await containerOf(id)).Image).toBe(good);
    await world.agents.restart(world.org.caller, id);
    expect((await world.agents.settle(world.org.caller, id, patience)).status).toBe('running');
    expect((await containerOf(id)).Image).toBe(good);
  }, 180_000);

  it.each([0, 300, 1_000, 2_500])(
    'ends as it has to although the worker was killed %i ms after the command',
    async (delayMs) => {
      const { id } = await worker.running();
      await worker.replaceAfter(delayMs, () => world.agents.updateImage(world.org.caller, id, BROKEN));
      const returned = async (): Promise<boolean> =>
        (await world.agents.why(world.org.caller, id)).imageUpdates[0]?.outcome === 'returned';
      await eventually(returned, { timeoutMs: 60_000 });
      await world.reaches(id, 'running', 60_000);
      expect((await containerOf(id)).Image).toBe(await idOf(OLD));
    },
    150_000,
  );
});
