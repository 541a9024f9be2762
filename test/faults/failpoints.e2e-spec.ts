import { afterAll, beforeAll, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeIf } from '#libs/testing';
import { OPERATIONS } from './failpoints/operations.js';
import { processAdapter, programsOfAgents } from './failpoints/process-adapter.js';
import { expectSurvival, Survivors } from './failpoints/survivors.js';
import { type WorkerWorld, workerWorld } from './worker-world.js';

const EFFORT = { atOnce: 16, againEvery: 4 };
/** Operations that a worker lets end when it gets a SIGTERM. */
const ASKED_TO_END = ['create', 'change the configuration and restart', 'stop', 'start', 'delete'];

describeIf(process.platform === 'linux', 'kill -9 of the worker at every side effect (process runtime)', () => {
  let world: WorkerWorld;
  let survivors: Survivors;

  const folder = mkdtempSync(join(tmpdir(), 'rookery-images-'));

  beforeAll(async () => {
    const images = programsOfAgents(folder);
    world = await workerWorld({ images: [...images.good, images.broken] });
    const environment = { WORKSPACE_SYNC_SECONDS: '3600', AGENT_UPDATE_SETTLE_SECONDS: '1' };
    survivors = new Survivors(world, processAdapter(world, environment, images), EFFORT);
    await survivors.open();
  }, 60_000);
  afterAll(async () => {
    await world?.close();
    rmSync(folder, { recursive: true, force: true });
  }, 30_000);

  it.each(OPERATIONS.map((operation) => [operation.name, operation] as const))(
    '%s',
    async (_name, operation) => {
      expectSurvival(await survivors.prove([operation]));
    },
    240_000,
  );

  it.each(
    OPERATIONS.filter(({ name }) => ASKED_TO_END.includes(name)).map(
      (operation) => [operation.name, operation] as const,
    ),
  )(
    '%s, the worker being asked to end',
    async (_name, operation) => expectSurvival(await survivors.prove([operation], 'SIGTERM')),
    240_000,
  );
});
