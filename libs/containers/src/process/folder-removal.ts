import { closeSync, readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { tryOpenFolder } from './folder-reader.js';

/** Every step is taken from a folder that is open: what the agent swaps for links meanwhile leads nowhere else. */
export const canTakeAway = process.platform === 'linux';

const childOf = (fd: number, name: string): string => `/proc/self/fd/${fd}/${name}`;

/**
 * Takes `path` out of a workspace at once and then deletes it; nothing when it is not there. Needs no process of the agent's user,
 * so many workspaces take no longer than one. Only where {@link canTakeAway}.
 * @param aside a path on the same disk that the agent can't reach; what an earlier call left there is deleted first
 * @throws what the file system says; doing it again is safe
 */
export function takeAway(workspace: string, path: string, aside: string): void {
  const parts = path.split('/');
  const name = parts.pop() ?? '';
  deleteTree(aside);
  const parent = openBelow(workspace, parts);
  if (parent === undefined) return;
  try {
    ifThere(() => renameSync(childOf(parent, name), aside));
  } finally {
    closeSync(parent);
  }
  deleteTree(aside);
}

function openBelow(root: string, parts: readonly string[]): number | undefined {
  let at = tryOpenFolder(root);
  for (const part of parts) {
    if (at === undefined) return undefined;
    const next = tryOpenFolder(childOf(at, part));
    closeSync(at);
    at = next;
  }
  return at;
}

function deleteTree(path: string): void {
  const fd = tryOpenFolder(path);
  if (fd === undefined) return ifThere(() => unlinkSync(path));
  try {
    for (const name of readdirSync(`/proc/self/fd/${fd}`)) deleteTree(childOf(fd, name));
  } finally {
    closeSync(fd);
  }
  ifThere(() => rmdirSync(path));
}

function ifThere(work: () => void): void {
  try {
    work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
