import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { POLICY_TABLE } from '../../http/policy.table.js';
import { SURFACES } from '../../surfaces/index.js';

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly tags?: string[];
  readonly responses: Record<string, { readonly description: string; readonly content?: object }>;
}

interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
}

const documentOf = async (name: string): Promise<Document> =>
  JSON.parse(await readFile(`openapi/${name}.json`, 'utf8')) as Document;

const operationsOf = ({ paths }: Document): [string, Operation][] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
      operation,
    ]),
  );

describe('the committed OpenAPI documents', () => {
  it('equal what the compiled code gives', async () => {
    const checked = await promisify(execFile)(process.execPath, ['dist/apps/api/src/cli/openapi.js', '--check']).catch(
      (error: { stderr: string }) => ({ stdout: error.stderr }),
    );
    expect(checked.stdout).toBe('openapi/ is up to date\n');
  });

  it.each(SURFACES.map(({ name, prefix }) => [name, prefix]))('describe every route of %s', async (name, prefix) => {
    const described = operationsOf(await documentOf(name)).map(([route]) => route);
    const routes = Object.entries(POLICY_TABLE)
      .filter(([row, { surface }]) => surface === name || row.split(' ')[1]?.startsWith(`${prefix}/`))
      .map(([row]) => row);
    expect(described.sort()).toEqual(routes.sort());
  });

  it.each(SURFACES.map(({ name }) => name))('are good enough to generate a client of %s', async (name) => {
    const operations = operationsOf(await documentOf(name));
    const ids = operations.map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [route, { summary, tags, responses }] of operations) {
      expect([route, summary, tags]).toEqual([route, expect.any(String), [expect.any(String)]]);
      expect([route, responses.default?.content]).toEqual([route, expect.any(Object)]);
      const successes = Object.entries(responses).filter(([status]) => status.startsWith('2'));
      if (responses['302'] && successes.length === 0) continue;
      expect([route, successes.length]).toEqual([route, 1]);
      const [status, answer] = successes[0] ?? [];
      if (status !== '204') expect([route, answer?.content]).toEqual([route, expect.any(Object)]);
    }
  });
});
