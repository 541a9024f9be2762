import { expect, it } from '@jest/globals';
import { scheduleOf } from './schedule.js';

const SIZE = { clients: 3, slots: 4 };

it('is the same for the same seed, and another for another', () => {
  expect(scheduleOf(7, SIZE)).toEqual(scheduleOf(7, SIZE));
  expect(scheduleOf(7, SIZE).steps).not.toEqual(scheduleOf(9, SIZE).steps);
  expect(scheduleOf(7, SIZE).faults).not.toEqual(scheduleOf(9, SIZE).faults);
});

it('gives each client steps of its own, on all places', () => {
  const { steps } = scheduleOf(7, SIZE);
  expect(steps).toHaveLength(3);
  expect(steps[0]).not.toEqual(steps[1]);
  expect(new Set(steps[0]?.map(({ slot }) => slot))).toEqual(new Set([0, 1, 2, 3]));
});

it('breaks everything there is, Redis where it is used', () => {
  const victims = (seed: number): Set<string> => new Set(scheduleOf(seed, SIZE).faults.map(({ victim }) => victim));
  expect(victims(8)).toEqual(new Set(['worker', 'api', 'edge', 'postgres', 'redis', 'agent']));
  expect(victims(7)).toEqual(new Set(['worker', 'api', 'edge', 'postgres', 'agent']));
});
