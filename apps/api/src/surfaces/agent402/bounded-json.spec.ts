import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { BoundedJson, jsonProblem, METADATA_BOUNDS } from './bounded-json.js';

class Body {
  @BoundedJson(METADATA_BOUNDS)
  metadata?: unknown;
}

const problemOf = (json: string): string | undefined => {
  const body = plainToInstance(Body, { metadata: JSON.parse(json) as unknown });
  return validateSync(body)[0]?.constraints?.boundedJson;
};

const fields = (count: number): string =>
  JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i])));

describe('BoundedJson', () => {
  it.each([
    '{}',
    '{"a":{"b":{"c":1}}}',
    '{"a":[[1,2,3]]}',
    '{"a":null,"b":true,"constructor_":1}',
    `{"a":"${'x'.repeat(1000)}"}`,
    fields(50),
  ])('takes %.60s', (json) => {
    expect(problemOf(json)).toBeUndefined();
  });

  it.each([
    ['7', 'object'],
    ['[]', 'object'],
    ['null', 'object'],
    ['"text"', 'object'],
    ['{"a":{"b":{"c":{}}}}', '3 levels'],
    ['{"a":[[[1]]]}', '3 levels'],
    [fields(51), '50 keys'],
    [`{"a":[${'1,'.repeat(50)}1]}`, '50 keys'],
    [`{"a":"${'x'.repeat(1001)}"}`, 'strings of at most 1000'],
    [`{"a":["${'x'.repeat(1001)}"]}`, 'strings of at most 1000'],
    [`{"${'x'.repeat(1001)}":1}`, 'keys of at most 1000'],
    ['{"__proto__":{"a":1}}', '__proto__'],
    ['{"a":[{"prototype":1}]}', 'prototype'],
    ['{"eval":"1"}', 'eval'],
  ])('refuses %.60s', (json, part) => {
    expect(problemOf(json)).toContain(part);
  });

  it('hands on what was sent', () => {
    const sent = { a: [{ b: '<b>' }], c: 1 };
    expect(plainToInstance(Body, { metadata: sent }).metadata).toEqual(sent);
  });

  it('refuses a key constructor, in case one gets past the reader of bodies', () => {
    expect(jsonProblem(JSON.parse('{"a":{"constructor":1}}'), METADATA_BOUNDS)).toContain('constructor');
  });

  it('ends quickly with very deep values', () => {
    const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`;
    expect(jsonProblem(JSON.parse(deep), METADATA_BOUNDS)).toContain('3 levels');
  });
});
