import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Path of a compiled file for a worker thread, looked for above the program and the working folder.
 * @param file - from `dist` on, for example `libs/embeddings/src/local-thread.js`
 * @throws Error when nothing is built.
 */
export function compiledFile(file: string, from = process.argv[1] ?? process.cwd()): string {
  for (const start of [process.cwd(), from]) {
    for (let folder = start; ; folder = dirname(folder)) {
      const path = join(folder, 'dist', file);
      if (existsSync(path)) return path;
      if (folder === dirname(folder)) break;
    }
  }
  throw new Error(`dist/${file} is missing: run npm run build`);
}
