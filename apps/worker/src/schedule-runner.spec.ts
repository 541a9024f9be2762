import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '#libs/observability';
import { eventually } from '#libs/testing';
import { ScheduleRunner } from './schedule-runner.js';

describe('ScheduleRunner', () => {
  it('runs at once and again, never twice at a time, and goes on after a failure', async () => {
    let runs = 0;
    let present = 0;
    let most = 0;
    const run = async (): Promise<void> => {
      most = Math.max(most, ++present);
      runs++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      present--;
      if (runs === 1) throw new Error('the first time');
    };
    const runner = new ScheduleRunner([{ name: 'work', everyMs: 1, run }], silentLogger());
    runner.start();
    await eventually(() => runs >= 3);
    await runner.stop();
    expect(most).toBe(1);
    const atStop = runs;
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(runs).toBe(atStop);
  });

  it('tells what runs to end, and waits for it', async () => {
    let ended = false;
    const run = (signal: AbortSignal): Promise<void> =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          ended = true;
          resolve();
        }),
      );
    const runner = new ScheduleRunner([{ name: 'long', everyMs: 1_000, run }], silentLogger());
    runner.start();
    await Promise.resolve();
    await runner.stop();
    expect(ended).toBe(true);
  });
});
