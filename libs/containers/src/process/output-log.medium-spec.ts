import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogOptions } from '../container-runtime.js';
import { OutputLog } from './output-log.js';

const signal = new AbortController().signal;

describe('OutputLog', () => {
  let folder: string;
  let log: OutputLog;
  const print = (...lines: string[]): void =>
    appendFileSync(join(folder, 'current.log'), lines.map((l) => `${l}\n`).join(''));
  const read = async (options: Partial<LogOptions> = {}): Promise<string[]> =>
    (await entries(options)).map(([text]) => text);
  const entries = async (options: Partial<LogOptions> = {}): Promise<[string, number][]> => {
    const found: [string, number][] = [];
    for await (const { text, position } of log.read({ signal, ...options })) found.push([text, position]);
    return found;
  };
  const numbered = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, index) => `line ${from + index}`);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-output-'));
    log = new OutputLog(folder, 1_000);
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('is empty before anything was written', async () => {
    expect(await read()).toEqual([]);
    expect(await read({ tail: 5 })).toEqual([]);
  });

  it('counts positions in bytes, not characters', async () => {
    print('äö', 'b');
    expect(await entries()).toEqual([
      ['äö', 5],
      ['b', 7],
    ]);
  });

  it('stays within twice its limit while positions go on growing', async () => {
    const all = numbered(0, 1_000);
    let position = 0;
    const seen: string[] = [];
    for (let from = 0; from < all.length; from += 50) {
      print(...all.slice(from, from + 50));
      for (const [text, after] of await entries({ after: position })) {
        expect(after).toBeGreaterThan(position);
        position = after;
        seen.push(text);
      }
      log.rotate();
      expect(statSync(join(folder, 'current.log')).size).toBeLessThanOrEqual(1_000);
    }
    expect(seen).toEqual(all);
    expect(position).toBe(Buffer.byteLength(`${all.join('\n')}\n`));
  });

  it('takes the newest lines from both sides of a rotation', async () => {
    print(...numbered(0, 150));
    log.rotate();
    print(...numbered(150, 155));
    expect(await read({ tail: 10 })).toEqual(numbered(145, 155));
    expect(await read({ tail: 3 })).toEqual(numbered(152, 155));
  });

  it('goes on with the oldest kept line when what was asked for is gone', async () => {
    print(...numbered(0, 500));
    log.rotate();
    const lines = await read({ after: 0 });
    expect(lines.at(-1)).toBe('line 499');
    expect(lines.length).toBeLessThan(150);
  });

  it('finishes a rotation that a crash cut short', async () => {
    print(...numbered(0, 150));
    const { size } = statSync(join(folder, 'current.log'));
    writeFileSync(join(folder, 'former.log'), 'line 149\n');
    writeFileSync(join(folder, 'marks.json'), JSON.stringify({ base: size, formerStart: size - 9, truncating: size }));
    expect(await entries({ tail: 5 })).toEqual([['line 149', size]]);
    print('next');
    expect(await entries({ after: size })).toEqual([['next', size + 5]]);
  });

  it('gives a last line without an end when nobody follows, and cuts a line without end', async () => {
    appendFileSync(join(folder, 'current.log'), 'x'.repeat(40_000));
    expect((await read()).map((line) => line.length)).toEqual([16_384, 16_384, 7_232]);
  });
});
