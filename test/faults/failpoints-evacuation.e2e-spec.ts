import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeIf } from '#libs/testing';
import { EVACUATIONS, Evacuations } from './failpoints/evacuations.js';
import { hostAdapter } from './failpoints/moves.js';
import { expectSurvival } from './failpoints/survivors.js';
import { type WorkerWorld, workerWorld } from './worker-world.js';

describeIf(process.platform === 'linux', 'kill -9 of the worker that sees to it that all agents leave a host', () => {
  let world: WorkerWorld;
  let evacuations: Evacuations;

  beforeAll(async () => {
    world = await workerWorld();
    evacuations = await Evacuations.open(world, [await hostAdapter(world, 'one'), await hostAdapter(world, 'other')]);
  }, 120_000);
  afterAll(() => world?.close(), 30_000);

  it.each(EVACUATIONS.map((evacuation) => [evacuation.name, evacuation] as const))(
    '%s',
    async (_name, evacuation) => {
      expectSurvival(await evacuations.prove(evacuation));
      expect(await world.query('SELECT id FROM hosts WHERE dead_since IS NOT NULL OR draining')).toEqual([]);
    },
    900_000,
  );
});
