import { afterAll, beforeAll, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import Docker from 'dockerode';
import { describeIf, requireTool } from '#libs/testing';
import { removeHost } from '../e2e/docker-host.js';
import { dockerAdapter } from './failpoints/docker-adapter.js';
import { OPERATIONS } from './failpoints/operations.js';
import { expectSurvival, Survivors } from './failpoints/survivors.js';
import { type WorkerWorld, workerWorld } from './worker-world.js';

/** Most points are those of an earlier operation, and the engine takes a second for a container, more on a busy machine. */
const EFFORT = { atOnce: 4, againEvery: 12 };
/** Operations that are done side by side. */
const BATCHES = [
  ['create'],
  ['save files', 'change the configuration and restart', 'stop', 'pause'],
  ['restart', 'repair', 'start', 'resume'],
  ['bring the files back from the storage', 'reset the memory'],
  ['update the image', 'go back from a broken image', 'delete'],
].map((names) => names.map((name) => OPERATIONS.find((operation) => operation.name === name)!));
const HOST = `failpoints-docker-${process.pid}`;
const AGENT_IMAGE = 'rookery/agent:local';
const ENVIRONMENT = {
  RUNTIME: 'docker',
  HOST_ID: HOST,
  EDGE_CONTAINER: `rookery-edge-${HOST}`,
  EDGE_IMAGE: 'rookery/edge:local',
  AGENT_IMAGE,
  AGENT_UPDATE_SETTLE_SECONDS: '1',
  WORKSPACE_SYNC_SECONDS: '3600',
  DOCKER_SUBNET_POOL: '10.228.0.0/16',
};
const NAME = `rookery-test/failpoints-${process.pid}`;
const IMAGES = { good: [AGENT_IMAGE, `${NAME}:next`], broken: `${NAME}:broken` } as const;

describeIf(requireTool('docker'), 'kill -9 of the worker at every side effect (docker runtime)', () => {
  const docker = new Docker();
  let world: WorkerWorld;
  let survivors: Survivors;

  /** The agent's image with something more on top. */
  const derive = async (tag: string, change: string): Promise<void> => {
    const container = await docker.createContainer({ Image: AGENT_IMAGE });
    const [repo, name] = tag.split(':');
    await container.commit({ repo, tag: name, changes: [change] });
    await container.remove();
  };

  beforeAll(async () => {
    execFileSync(process.execPath, ['scripts/local-images.mjs', 'agent', 'rookery'], { stdio: 'pipe' });
    await derive(IMAGES.good[1], 'LABEL version=next');
    await derive(IMAGES.broken, 'CMD ["node", "-e", "process.exit(3)"]');
    world = await workerWorld({ images: [`${NAME}:*`] });
    survivors = new Survivors(world, dockerAdapter(ENVIRONMENT, IMAGES), EFFORT);
    await survivors.open();
  }, 300_000);
  afterAll(async () => {
    await world?.close();
    await removeHost(HOST);
    for (const tag of [IMAGES.good[1], IMAGES.broken]) await docker.getImage(tag).remove({ force: true });
  }, 120_000);

  it.each(BATCHES.map((operations) => [operations.map(({ name }) => name).join(', '), operations] as const))(
    '%s',
    async (_names, operations) => {
      expectSurvival(await survivors.prove(operations));
    },
    900_000,
  );
});
