import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Leads the names of files, which no segment begins with: `a` and `a/b` can both be keys. */
const MARK = '@';

/** Path of a key's file below the root. */
export function fileOf(key: string): string {
  const segments = key.split('/');
  const name = segments.pop() ?? '';
  return join(...segments, `${MARK}${name}`);
}

interface Entry {
  /** The segment; with a slash behind it for a folder, so that names sort as their keys do. */
  readonly name: string;
  readonly folder: boolean;
}

async function entriesOf(folder: string): Promise<Entry[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const entries = found.flatMap((entry): Entry[] => {
    if (entry.isDirectory()) return [{ name: `${entry.name}/`, folder: true }];
    return entry.isFile() && entry.name.startsWith(MARK) ? [{ name: entry.name.slice(1), folder: false }] : [];
  });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Keys below `prefix` behind `after`, in order. */
export async function* keysBelow(root: string, prefix: string, after: string): AsyncGenerator<string> {
  for (const { name, folder } of await entriesOf(join(root, prefix))) {
    const key = `${prefix}${name}`;
    if (folder) {
      if (key > after || after.startsWith(key)) yield* keysBelow(root, key, after);
    } else if (key > after) {
      yield key;
    }
  }
}
