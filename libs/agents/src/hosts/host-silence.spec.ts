import { describe, expect, it } from '@jest/globals';
import { HostSilence } from './host-silence.js';

const DEAD_AFTER_MS = 30_000;

/** Looks every 2 s from `fromMs` to `toMs`; `beats` says what is read at a time. */
function watch(
  silence: HostSilence,
  [fromMs, toMs]: readonly [number, number],
  beats: (atMs: number) => Record<string, number>,
): string[] {
  let dead: string[] = [];
  for (let at = fromMs; at <= toMs; at += 2_000) {
    const hosts = Object.entries(beats(at)).map(([id, beat]) => ({ id, beat: String(beat) }));
    dead = silence.look(hosts, at);
  }
  return dead;
}

describe('HostSilence', () => {
  it('calls a host dead that was silent for 30 s while another was not', () => {
    const silence = new HostSilence(DEAD_AFTER_MS);
    expect(watch(silence, [0, 28_000], (at) => ({ a: at, b: 0 }))).toEqual([]);
    expect(watch(silence, [30_000, 30_000], (at) => ({ a: at, b: 0 }))).toEqual(['b']);
    expect(watch(silence, [32_000, 34_000], (at) => ({ a: at, b: 1 }))).toEqual([]);
  });

  it('calls nobody dead when all are silent, or when there is one alone', () => {
    expect(watch(new HostSilence(DEAD_AFTER_MS), [0, 300_000], () => ({ a: 0, b: 0 }))).toEqual([]);
    expect(watch(new HostSilence(DEAD_AFTER_MS), [0, 300_000], () => ({ a: 0 }))).toEqual([]);
  });

  it('does not take an old beat for a death it has not watched', () => {
    const silence = new HostSilence(DEAD_AFTER_MS);
    expect(silence.look([{ id: 'a', beat: '1' }], 1_000_000)).toEqual([]);
    expect(watch(silence, [1_002_000, 1_028_000], (at) => ({ a: 1, b: at }))).toEqual([]);
  });

  it.each([
    ['an outage of Postgres', (silence: HostSilence) => silence.forget()],
    ['a gap in the watching', () => undefined],
  ])('gives all hosts their whole time again after %s', (_what, interrupt) => {
    const silence = new HostSilence(DEAD_AFTER_MS);
    watch(silence, [0, 28_000], (at) => ({ a: at, b: 0 }));
    interrupt(silence);
    expect(watch(silence, [42_000, 70_000], (at) => ({ a: at, b: 0 }))).toEqual([]);
    expect(watch(silence, [72_000, 72_000], (at) => ({ a: at, b: 0 }))).toEqual(['b']);
  });

  it('forgets hosts that are gone', () => {
    const silence = new HostSilence(DEAD_AFTER_MS);
    watch(silence, [0, 20_000], (at) => ({ a: at, b: 0 }));
    watch(silence, [22_000, 22_000], (at) => ({ a: at }));
    expect(watch(silence, [24_000, 40_000], (at) => ({ a: at, b: 0 }))).toEqual([]);
  });
});
