import { describe, expect, it } from '@jest/globals';
import { SerialRunner } from './serial-runner.js';

const gate = () => {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
};

describe('SerialRunner', () => {
  it('runs one work a key at a time and the newest of those that came meanwhile', async () => {
    const runner = new SerialRunner();
    const { open, passed } = gate();
    const ran: string[] = [];
    const note = (name: string) => async () => void ran.push(name);
    const first = runner.run('a', async () => {
      ran.push('first');
      await passed;
    });
    const later = [runner.run('a', note('second')), runner.run('a', note('third'))];
    const other = runner.run('b', note('other'));
    await other;
    expect(ran).toEqual(['first', 'other']);
    open();
    await Promise.all([first, ...later]);
    expect(ran).toEqual(['first', 'other', 'third']);
    expect(runner.busy).toEqual([]);
  });

  it('is free again after a failure', async () => {
    const runner = new SerialRunner();
    await expect(runner.run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(runner.isBusy('a')).toBe(false);
    await runner.run('a', () => Promise.resolve());
  });

  it('tells when nothing runs any more', async () => {
    const runner = new SerialRunner();
    const { open, passed } = gate();
    let idle = false;
    void runner.run('a', () => passed);
    const waited = runner.idle().then(() => (idle = true));
    await Promise.resolve();
    expect(idle).toBe(false);
    open();
    await waited;
    expect(runner.busy).toEqual([]);
  });
});
