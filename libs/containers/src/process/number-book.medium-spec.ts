import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NumberBook } from './number-book.js';

const FIRST = 100;

describe('NumberBook', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-numbers-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const book = (count = 3): NumberBook => new NumberBook(folder, FIRST, count);

  it('gives each agent a number of its own and finds it again', async () => {
    const given = await Promise.all(['a', 'b', 'c'].map((agent) => book().numberOf(agent)));
    expect([...given].sort()).toEqual([FIRST, FIRST + 1, FIRST + 2]);
    expect(await book().numberOf('b')).toBe(given[1]);
    await expect(book().numberOf('d')).rejects.toMatchObject({ code: 'no_capacity' });
    book().forget('b');
    expect(await book().numberOf('d')).toBe(given[1]);
  });

  it('makes number and holder known in one step, so that a worker that dies keeps no number from the others', async () => {
    const number = await book().numberOf('a');
    expect(readdirSync(folder)).toEqual([String(number)]);
    expect(readlinkSync(join(folder, String(number)))).toBe('a');
  });

  it('knows the numbers that an earlier version gave', async () => {
    writeFileSync(join(folder, String(FIRST + 2)), 'a');
    expect(await book().numberOf('a')).toBe(FIRST + 2);
    book().forget('a');
    expect(book().find('a')).toBeUndefined();
  });
});
