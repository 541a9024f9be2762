import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FOLDER = 'skills';

/** The program runs from `dist/apps/<name>/src` or, in tests, from the checkout: the first `skills/` going up is it. */
export function findFolder(from = process.argv[1] ?? process.cwd()): string {
  for (const start of [dirname(from), process.cwd()]) {
    for (let at = start; ; at = dirname(at)) {
      const folder = join(at, FOLDER);
      if (existsSync(join(folder, 'README.md')) && existsSync(join(at, 'package.json'))) return folder;
      if (dirname(at) === at) break;
    }
  }
  throw new Error('The folder skills/ with the verified skills is missing beside the program');
}
