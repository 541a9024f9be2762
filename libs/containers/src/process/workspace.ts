import {
  chownSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { WorkspaceFile } from '../container-runtime.js';

/** Who owns what is written; undefined when the worker is not root and owns it itself. */
export type Owner = number | undefined;

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/**
 * Writes the files and removes those of `former` that are no longer among them. The agent may have left links where
 * folders were: a link is never followed, it gives way.
 */
export function writeFiles(
  root: string,
  files: readonly WorkspaceFile[],
  former: readonly string[],
  owner: Owner,
): void {
  own(root, owner);
  const wanted = new Set(files.map(({ path }) => path));
  for (const path of former) {
    if (!wanted.has(path) && folderIsReal(root, dirname(path)))
      rmSync(join(root, path), { recursive: true, force: true });
  }
  for (const { path, content } of files) {
    makeFolder(root, dirname(path), owner);
    replaceFile(join(root, path), content, owner);
  }
}

function replaceFile(file: string, content: string, owner: Owner): void {
  rmSync(file, { recursive: true, force: true });
  const fd = openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    writeFileSync(fd, content);
  } finally {
    closeSync(fd);
  }
  own(file, owner);
}

/** Makes the folders of a path below the root; a link in the place of one gives way. */
export function makeFolder(root: string, relative: string, owner: Owner): void {
  let path = root;
  for (const part of relative === '.' ? [] : relative.split('/')) {
    path = join(path, part);
    const found = lstat(path);
    if (found?.isDirectory()) continue;
    if (found !== undefined) rmSync(path, { force: true });
    mkdirSync(path, { mode: 0o700 });
    own(path, owner);
  }
}

function folderIsReal(root: string, relative: string): boolean {
  let path = root;
  return (
    relative === '.' || relative.split('/').every((part) => lstat((path = join(path, part)))?.isDirectory() === true)
  );
}

const lstat = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false });

/** Gives a file to its owner, where there is another than this process. */
export function own(path: string, owner: Owner): void {
  if (owner !== undefined) chownSync(path, owner, owner);
}
