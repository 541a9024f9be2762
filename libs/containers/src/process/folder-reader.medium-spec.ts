import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesBelow } from './folder-reader.js';

describe('filesBelow', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-reader-'));
    for (const path of ['b/c', 'secret']) mkdirSync(join(folder, path), { recursive: true });
    for (const path of ['a.md', 'b/c/d.md', 'b/e.md', 'z.md']) writeFileSync(join(folder, path), path);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const found = (
    enter = (_path: string): boolean => true,
    owner?: number,
    during?: (path: string) => void,
  ): string[] => {
    const paths = [];
    for (const { path, fd } of filesBelow(folder, owner, enter)) {
      paths.push(path);
      closeSync(fd);
      during?.(path);
    }
    return paths;
  };

  it('finds plain files in the order of names, and does not enter what it is told to leave', () => {
    expect(found()).toEqual(['a.md', 'b/c/d.md', 'b/e.md', 'z.md']);
    expect(found((path) => path !== 'b/c' && path !== 'z.md')).toEqual(['a.md', 'b/e.md']);
  });

  it('waits for no pipe, follows no link and reads no socket', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    symlinkSync('/etc/passwd', join(folder, 'link'));
    symlinkSync('/etc', join(folder, 'folder-link'));
    const server = createServer().listen(join(folder, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    expect(found()).toEqual(['a.md', 'b/c/d.md', 'b/e.md', 'z.md']);
    server.close();
  });

  it('stays in a folder that is swapped for a link while it is read', () => {
    const outside = mkdtempSync(join(tmpdir(), 'rookery-outside-'));
    mkdirSync(join(outside, 'c'));
    for (const path of ['c/d.md', 'e.md', 'secret.md']) writeFileSync(join(outside, path), 'secret');
    const swap = (path: string): void => {
      if (path !== 'b/c/d.md') return;
      renameSync(join(folder, 'b'), join(folder, 'moved'));
      symlinkSync(outside, join(folder, 'b'));
    };
    expect(found(undefined, undefined, swap)).toEqual(['a.md', 'b/c/d.md', 'b/e.md', 'z.md']);
    expect(found()).toEqual(['a.md', 'moved/c/d.md', 'moved/e.md', 'z.md']);
    rmSync(outside, { recursive: true });
  });

  it('leaves files of other users out', () => {
    const me = process.getuid?.() ?? 0;
    expect(found(undefined, me)).toHaveLength(4);
    expect(found(undefined, me + 1)).toEqual([]);
  });

  it('finds nothing in a folder that is not there', () => {
    expect([...filesBelow(join(folder, 'none'), undefined, () => true)]).toEqual([]);
  });

  it('says so when a folder can not be read for another reason, instead of finding nothing', () => {
    const long = join(folder, 'x'.repeat(300));
    expect(() => [...filesBelow(long, undefined, () => true)]).toThrow(/ENAMETOOLONG/);
  });
});
