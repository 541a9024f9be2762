import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import { POLICY_TABLE } from '../../../http/policy.table.js';
import { DOCUMENTED, DOCUMENTED_COUNT, type DocumentedRoute } from './documented.js';

type Schema = {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
};
interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
}

const ROOT = process.cwd();
const openapi = JSON.parse(readFileSync(join(ROOT, 'openapi/agento.json'), 'utf8')) as OpenAPIObject;
const words = (text = ''): string[] => text.split(' ').filter((word) => word !== '');

function operationOf({ route }: DocumentedRoute): Operation {
  const [method = '', path = ''] = route.split(' ');
  const paths = openapi.paths as unknown as Record<string, Record<string, Operation> | undefined>;
  const operation = paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
  if (!operation) throw new Error(`${route} is not in openapi/agento.json`);
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

describe('the published agento documentation', () => {
  it(`has ${DOCUMENTED_COUNT} routes, each of them once`, () => {
    expect(new Set(DOCUMENTED.map(({ route }) => route)).size).toBe(DOCUMENTED_COUNT);
    expect(DOCUMENTED).toHaveLength(DOCUMENTED_COUNT);
  });

  describe.each(DOCUMENTED.map((documented) => [documented.route, documented] as const))('%s', (route, documented) => {
    it('exists, for keys of its scope', () => {
      expect(POLICY_TABLE[route]).toMatchObject({ who: expect.arrayContaining(['key']) });
      expect(POLICY_TABLE[route]?.scope).toBe(documented.scope);
    });

    it('takes the documented fields', () => {
      const { parameters = [], requestBody } = operationOf(documented);
      const names = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(words(documented.query)));
      expectFields(requestBody?.content['application/json']?.schema, words(documented.body));
    });

    it('answers the documented fields', () => {
      const content = operationOf(documented).responses[String(documented.status ?? 200)]?.content ?? {};
      if (documented.answers === undefined) {
        expect(Object.keys(content)).toEqual(['text/event-stream']);
        return;
      }
      const { properties } = resolved(content['application/json']?.schema);
      expectFields(properties?.data, words(documented.answers), true);
      expectFields(properties?.pagination, words(documented.pages), true);
      expect(properties?.pagination !== undefined).toBe(documented.pages !== undefined);
    });

    it.each(documented.tests)('is tested: %s, %s', (suite, name) => {
      const source = readFileSync(join(import.meta.dirname, `${suite}.contract-spec.ts`), 'utf8');
      expect(source.includes(`'${name}'`) || source.includes(`"${name}"`)).toBe(true);
    });
  });

  it('is called complete among the surfaces as long as all of this is so', () => {
    const table = readFileSync(join(ROOT, 'apps/api/src/surfaces/README.md'), 'utf8');
    const row = table.split('\n').find((line) => line.startsWith('| [agento]'));
    expect(row?.split('|').map((cell) => cell.trim())).toContain(`all ${DOCUMENTED.length}`);
  });

  it('has its acceptance cases as tests, one by one', () => {
    const source = readFileSync(join(import.meta.dirname, 'acceptance.contract-spec.ts'), 'utf8');
    const numbers = [...source.matchAll(/(?:it|describe)\(['"](\d+)\. /g)].map(([, number]) => Number(number));
    expect(numbers).toEqual(Array.from({ length: 16 }, (_v, n) => n + 1));
  });
});
