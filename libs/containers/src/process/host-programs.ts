import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';

/** Where agents of this machine look for programs. */
export const AGENT_PATH = '/usr/local/bin:/usr/bin:/bin';

/** Which programs the machine has: path by name. */
export async function hostPrograms(names: readonly string[]): Promise<Record<string, string>> {
  const found = await Promise.all(names.map(async (name) => [name, await pathOf(name)] as const));
  return Object.fromEntries(found.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

async function pathOf(name: string): Promise<string | undefined> {
  for (const path of AGENT_PATH.split(':').map((folder) => join(folder, name))) {
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}
