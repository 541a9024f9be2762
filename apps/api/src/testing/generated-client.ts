import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const GENERATOR = 'node_modules/@hey-api/openapi-ts/bin/run.js';
const COMPILER = 'node_modules/typescript/bin/tsc';
const STRICT = {
  strict: true,
  noUncheckedIndexedAccess: true,
  noImplicitOverride: true,
  target: 'es2023',
  lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
  module: 'nodenext',
  types: [],
};

/** A client that a standard generator made of a surface's document, and a program (`story`) written against it. */
export interface GeneratedClient {
  /** @throws Error with what the compiler says. */
  compile(): Promise<void>;
  /** Runs the program. @returns what `story` gave. */
  tell(...args: string[]): Promise<string[]>;
  remove(): void;
}

export async function generatedClient(surface: string, story: string): Promise<GeneratedClient> {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-sdk-'));
  await run(GENERATOR, '-i', join(process.cwd(), `openapi/${surface}.json`), '-o', folder, '--no-log-file');
  copyFileSync(story, join(folder, 'story.ts'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: STRICT }));
  const compiled = pathToFileURL(join(folder, 'story.js')).href;
  writeFileSync(
    join(folder, 'run.mjs'),
    `import { story } from ${JSON.stringify(compiled)};
     console.log(JSON.stringify(await story(...process.argv.slice(2))));`,
  );
  return {
    compile: async () => void (await run(COMPILER, '-p', folder)),
    tell: async (...args) => JSON.parse(await run(join(folder, 'run.mjs'), ...args)) as string[],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Runs a program of this checkout and gives what it printed. @throws Error with that when it fails. */
const run = (program: string, ...args: string[]): Promise<string> =>
  promisify(execFile)(process.execPath, [program, ...args]).then(
    ({ stdout }) => stdout,
    ({ stdout, stderr }: { stdout: string; stderr: string }) => {
      throw new Error(`${program} failed:\n${stdout}\n${stderr}`);
    },
  );
