import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SessionBook } from './session-book.js';

const ann = { session: 'sess_1', peer: 'ann' };
const bob = { session: 'sess_1', peer: 'bob' };

describe('SessionBook', () => {
  let folder: string;
  const file = (): string => join(folder, '.state', 'sessions.json');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-book-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('gives a session that is not known a key never used before', () => {
    const book = new SessionBook(file());
    expect(book.read(ann).count).toBe(0);
    expect(book.read(ann).key).not.toBe(book.read(ann).key);
  });

  it('keeps keys and counts over a restart, apart for two peers of one session', () => {
    const book = new SessionBook(file());
    const entries = [ann, bob].map((session, count) => {
      const entry = book.fresh(session, count + 2);
      book.keep(session, entry);
      return entry;
    });
    const again = new SessionBook(file());
    expect([ann, bob].map((session) => again.read(session))).toEqual(entries);
    expect(entries[0]!.key).not.toBe(entries[1]!.key);
  });

  it('begins anew after a session was forgotten', () => {
    const book = new SessionBook(file());
    const entry = book.fresh(ann, 2);
    book.keep(ann, entry);
    book.forget(ann);
    expect(book.read(ann)).toMatchObject({ count: 0 });
    expect(new SessionBook(file()).read(ann).key).not.toBe(entry.key);
  });

  it.each(['', '{', '[[1,2,3]]', '{"a":1}'])('takes a damaged file for an empty book: %j', (text) => {
    new SessionBook(file()).keep(ann, { key: 'abcdefgh-1', count: 2 });
    writeFileSync(file(), text);
    expect(new SessionBook(file()).read(ann).count).toBe(0);
  });
});
