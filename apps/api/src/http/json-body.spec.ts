import { describe, expect, it } from '@jest/globals';
import { DomainError } from '#libs/kernel';
import { parseJsonBody } from './json-body.js';

const parse = (text: string): unknown => parseJsonBody(Buffer.from(text));

const nested = (levels: number): string => `${'['.repeat(levels)}1${']'.repeat(levels)}`;

describe('parseJsonBody', () => {
  it.each(['{}', '[]', '7', 'null', '"text"', '{"a":[{"b":null}],"prototype":1,"eval":"x"}', nested(100)])(
    'reads %.60s',
    (text) => {
      expect(parse(text)).toEqual(JSON.parse(text));
    },
  );

  it.each([
    ['{"__proto__":{"a":1}}', '__proto__'],
    ['{"\\u005f_proto__":1}', '__proto__'],
    ['{"a":[{"constructor":{"prototype":{}}}]}', 'constructor'],
    ['{"constructor":1}', 'constructor'],
    [nested(101), '100 levels'],
    [nested(200_000), '100 levels'],
  ])('refuses %.60s', (text, part) => {
    expect(() => parse(text)).toThrow(DomainError);
    expect(() => parse(text)).toThrow(part);
  });

  it('refuses what is no JSON, and what is no UTF-8', () => {
    expect(() => parse('{broken')).toThrow(SyntaxError);
    expect(() => parseJsonBody(Buffer.from([0x22, 0xff, 0x22]))).toThrow('UTF-8');
  });
});
