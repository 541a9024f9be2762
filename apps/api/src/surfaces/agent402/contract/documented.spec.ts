import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import { POLICY_TABLE } from '../../../http/policy.table.js';
import { DOCUMENTED, SECTIONS } from './documented/index.js';
import type { DocumentedRoute } from './documented/route.js';

type Schema = {
  readonly $ref?: string;
  readonly type?: string;
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
};
interface Answer {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}
interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, Answer>>;
}

/** What every surface has, in no document of this one. */
const OPERATIONS = ['GET /health', 'GET /metrics'];

const ROOT = process.cwd();
const openapi = JSON.parse(readFileSync(join(ROOT, 'openapi/agent402.json'), 'utf8')) as OpenAPIObject;
const words = (text = ''): string[] => text.split(' ').filter((word) => word !== '');

function operationOf({ route }: DocumentedRoute): Operation {
  const [method = '', path = ''] = route.split(' ');
  const paths = openapi.paths as unknown as Record<string, Record<string, Operation> | undefined>;
  const operation = paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
  if (!operation) throw new Error(`${route} is not in openapi/agent402.json`);
  return operation;
}

/** What stands behind references and lists. */
function resolved(schema: Schema | undefined): Schema {
  const ref = schema?.$ref ?? schema?.allOf?.[0]?.$ref;
  if (ref) return resolved(openapi.components?.schemas?.[ref.split('/').at(-1) ?? ''] as Schema);
  return schema?.items ? resolved(schema.items) : (schema ?? {});
}

/** The schema that a field stands in, and the field's own name. */
function placeOf(schema: Schema | undefined, path: string): { readonly holder: Schema; readonly field: string } {
  const [field = '', ...rest] = path.split('.');
  const holder = resolved(schema);
  return rest.length === 0 ? { holder, field } : placeOf(holder.properties?.[field], rest.join('.'));
}

function expectFields(schema: Schema | undefined, fields: readonly string[], isRequired = false): void {
  for (const path of fields) {
    const { holder, field } = placeOf(schema, path.replace('!', ''));
    expect([path, Object.keys(holder.properties ?? {})]).toEqual([path, expect.arrayContaining([field])]);
    if (isRequired || path.endsWith('!')) {
      expect([path, holder.required]).toEqual([path, expect.arrayContaining([field])]);
    }
  }
}

const policyOf = ({ who, role, scope }: DocumentedRoute) => ({
  who: who === undefined ? ['user', 'key'] : [who],
  role,
  scope,
});

describe('the published agent402 documentation', () => {
  it.each(SECTIONS)('has $count routes in its part $name, each of them once', ({ count, routes }) => {
    expect(new Set(routes.map(({ route }) => route)).size).toBe(count);
    expect(routes).toHaveLength(count);
  });

  describe.each(DOCUMENTED.map((documented) => [documented.route, documented] as const))('%s', (route, documented) => {
    const isOperation = OPERATIONS.includes(route);

    it('exists, for those it is for', () => {
      const { who, role, scope } = POLICY_TABLE[route] ?? {};
      expect({ who, role, scope }).toEqual(policyOf(documented));
    });

    it('takes the documented fields', () => {
      if (isOperation) return expect([documented.body, documented.query]).toEqual([undefined, undefined]);
      const { parameters = [], requestBody } = operationOf(documented);
      const names = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(words(documented.query)));
      expectFields(requestBody?.content['application/json']?.schema, words(documented.body));
    });

    it('answers the documented fields', () => {
      if (isOperation) return expect(documented.answers).toBeUndefined();
      const answer = operationOf(documented).responses[String(documented.status ?? 200)];
      expect(answer).toBeDefined();
      const schema = answer?.content?.['application/json']?.schema;
      expect(schema !== undefined).toBe(documented.answers !== undefined);
      expect(schema?.type === 'array').toBe(documented.isArray === true);
      expectFields(schema, words(documented.answers), true);
    });

    it('says how it refuses', () => {
      if (isOperation) return expect(documented.errors).toBeUndefined();
      const signedIn = documented.who === undefined || documented.who === 'user' ? ['401', '429'] : [];
      const said = Object.keys(operationOf(documented).responses);
      expect(said).toEqual(expect.arrayContaining([...signedIn, ...words(documented.errors)]));
    });

    it.each(documented.tests)('is tested: %s, %s', (suite, name) => {
      const source = readFileSync(join(import.meta.dirname, `${suite}.contract-spec.ts`), 'utf8');
      expect(source.includes(`'${name}'`) || source.includes(`"${name}"`)).toBe(true);
    });
  });

  it('is as complete as the list of the surfaces says', () => {
    const table = readFileSync(join(ROOT, 'apps/api/src/surfaces/README.md'), 'utf8');
    const row = table.split('\n').find((line) => line.startsWith('| [agent402]'));
    expect(row?.split('|').map((cell) => cell.trim())).toContain(`${DOCUMENTED.length} of 112`);
  });
});
