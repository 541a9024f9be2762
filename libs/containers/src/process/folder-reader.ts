import { closeSync, constants, fstatSync, openSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** Gone, a link, no folder any more, a socket, a device without driver. */
const NO_PLAIN_FILE = new Set(['ENOENT', 'ELOOP', 'EMLINK', 'ENOTDIR', 'ENXIO', 'ENODEV', 'EOPNOTSUPP']);

/** A plain file found in a folder; its descriptor is the finder's to close. */
export interface FoundFile {
  readonly path: string;
  readonly fd: number;
  readonly stats: Stats;
}

/** A name below an open folder: the agent may swap folders for links at any moment, an open one stays what it is. */
function below(fd: number, folder: string, name: string): string {
  return process.platform === 'linux' ? `/proc/self/fd/${fd}/${name}` : join(folder, name);
}

function tryOpen(path: string, flags: number): number | undefined {
  try {
    return openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | flags);
  } catch (error) {
    // what can't be opened for another reason must not look as if it were not there
    if (!NO_PLAIN_FILE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return undefined;
  }
}

/** Undefined for what is no folder, or a link to one. The descriptor is the caller's to close. */
export const tryOpenFolder = (path: string): number | undefined => tryOpen(path, O_DIRECTORY);

/**
 * Plain files below a folder in the order of names, whatever an agent does to it meanwhile: links are not followed, pipes
 * and devices not opened for long, and files of other users than `owner` left out.
 */
export function* filesBelow(
  folder: string,
  owner: number | undefined,
  enter: (path: string) => boolean,
  prefix = '',
  at = folder,
): Generator<FoundFile> {
  const fd = tryOpenFolder(at);
  if (fd === undefined) return;
  try {
    for (const name of namesIn(fd, folder).sort()) {
      const path = `${prefix}${name}`;
      if (!enter(path)) continue;
      const found = tryOpen(below(fd, folder, name), 0);
      if (found === undefined) continue;
      let kept = false;
      try {
        const stats = fstatSync(found);
        if (stats.isDirectory()) {
          yield* filesBelow(join(folder, name), owner, enter, `${path}/`, below(fd, folder, name));
        } else if (stats.isFile() && (owner === undefined || stats.uid === owner)) {
          kept = true;
          yield { path, fd: found, stats };
        }
      } finally {
        if (!kept) closeSync(found);
      }
    }
  } finally {
    closeSync(fd);
  }
}

const namesIn = (fd: number, folder: string): string[] =>
  readdirSync(process.platform === 'linux' ? `/proc/self/fd/${fd}` : folder);
