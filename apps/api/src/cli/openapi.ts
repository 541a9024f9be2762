import 'reflect-metadata';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describeSurfaces } from '../ops/docs/describe-surfaces.js';

const FOLDER = resolve('openapi');

/** Writes `openapi/<surface>.json` for every surface; with `--check` only compares. Needs no database. */
async function main(check: boolean): Promise<number> {
  const stale: string[] = [];
  await mkdir(FOLDER, { recursive: true });
  for (const [name, wanted] of await describeSurfaces()) {
    const file = join(FOLDER, `${name}.json`);
    const present = await readFile(file, 'utf8').catch(() => '');
    if (wanted === present) continue;
    if (!check) await writeFile(file, wanted);
    stale.push(`openapi/${name}.json${check ? firstDifference(present, wanted) : ''}`);
  }
  if (stale.length === 0) return say('openapi/ is up to date', 0);
  return check
    ? say(`The committed documents differ from the code:\n  ${stale.join('\n  ')}\nRun: npm run openapi`, 1)
    : say(`written: ${stale.join(', ')}`, 0);
}

function firstDifference(present: string, wanted: string): string {
  const lines = present.split('\n');
  const at = wanted.split('\n').findIndex((line, index) => line !== lines[index]);
  return at < 0
    ? ''
    : ` (line ${at + 1}: committed ${lines[at]?.trim() ?? 'nothing'}, code says ${wanted.split('\n')[at]?.trim() ?? ''})`;
}

function say(text: string, code: number): number {
  (code === 0 ? process.stdout : process.stderr).write(`${text}\n`);
  return code;
}

main(process.argv.includes('--check')).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
