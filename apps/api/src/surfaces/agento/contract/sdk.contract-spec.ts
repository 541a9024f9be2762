import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ApiFixture, startApi } from '../../../testing/api-fixture.js';
import { type Fleet, startFleet } from './fleet.js';

const STORY = join(__dirname, 'sdk/story.mts');
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

/** Runs a program of this checkout and gives what it printed. @throws Error with that when it fails. */
const run = (program: string, ...args: string[]): Promise<string> =>
  promisify(execFile)(process.execPath, [program, ...args]).then(
    ({ stdout }) => stdout,
    ({ stdout, stderr }: { stdout: string; stderr: string }) => {
      throw new Error(`${program} failed:\n${stdout}\n${stderr}`);
    },
  );

describe('a client that is generated from the document', () => {
  let folder: string;
  let api: ApiFixture;
  let fleet: Fleet;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-sdk-'));
    api = await startApi();
    fleet = await startFleet(api);
    await run(GENERATOR, '-i', join(process.cwd(), 'openapi/agento.json'), '-o', folder, '--no-log-file');
    copyFileSync(STORY, join(folder, 'story.ts'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: STRICT }));
  }, 120_000);
  afterAll(async () => {
    await fleet?.stop();
    await api?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  it('compiles strictly with a program that asserts no type', async () => {
    const asserted = readFileSync(STORY, 'utf8').match(/\bas (?!const\b)\w+|<\w+>\(|\bany\b|!\.|@ts-|satisfies/g);
    expect(asserted).toBeNull();
    await run(COMPILER, '-p', folder);
  }, 120_000);

  it('drives an agent from its creation over chat, skills and knowledge to its end', async () => {
    writeFileSync(
      join(folder, 'run.mjs'),
      `import { story } from ${JSON.stringify(pathToFileURL(join(folder, 'story.js')).href)};
       console.log(JSON.stringify(await story(process.argv[2], process.argv[3])));`,
    );
    const { apiKey } = await api.organisation();
    expect(JSON.parse(await run(join(folder, 'run.mjs'), api.url, apiKey))).toEqual([
      'Ada is running in support, 24',
      'done',
      'user: Hello!',
      'assistant: the same',
      'csv-analysis is verified, scanned',
      'true running 1 csv-analysis',
      '2 of 2',
      'returns.md faq, shipping.md article',
      'prices.md article',
      'returns.md by meaning',
      'true 3',
      'Ada true true',
      '404 not_found',
    ]);
  }, 120_000);
});
