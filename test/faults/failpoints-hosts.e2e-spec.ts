import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeIf } from '#libs/testing';
import type { Ending } from './failpoints/armed-worker.js';
import { adapterOf, hostAdapter, movesBetween, type TwoHosts } from './failpoints/moves.js';
import { expectSurvival, Survivors } from './failpoints/survivors.js';
import { type WorkerWorld, workerWorld } from './worker-world.js';

const EFFORT = { atOnce: 16, againEvery: 4 };

describeIf(process.platform === 'linux', 'the end of a worker while agents move to and from its host', () => {
  let world: WorkerWorld;
  let survivors: Survivors;
  let hosts: TwoHosts;

  beforeAll(async () => {
    world = await workerWorld();
    hosts = { here: await hostAdapter(world, 'here'), there: await hostAdapter(world, 'there') };
    survivors = new Survivors(world, adapterOf(world, hosts), EFFORT);
    await survivors.open();
    await world.startWorker(hosts.there.environment);
  }, 60_000);
  afterAll(() => world?.close(), 30_000);

  const endings: [name: string, nr: number, by: Ending][] = [
    ['leave, killed', 0, 'SIGKILL'],
    ['come, killed', 1, 'SIGKILL'],
    ['leave, asked to end', 0, 'SIGTERM'],
    ['come, asked to end', 1, 'SIGTERM'],
  ];
  it.each(endings)(
    'agents that %s',
    async (_name, nr, by) => {
      expectSurvival(await survivors.prove([movesBetween(hosts)[nr]!], by));
      expect(await world.query('SELECT id FROM hosts WHERE dead_since IS NOT NULL')).toEqual([]);
    },
    240_000,
  );
});
