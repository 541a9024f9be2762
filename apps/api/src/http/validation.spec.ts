import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsInt, IsOptional, IsString, MaxLength, Min, ValidateNested } from 'class-validator';
import { describe, expect, it } from '@jest/globals';
import type { DomainError } from '#libs/kernel';
import { RequestValidation } from './validation.js';

class Inner {
  @IsString()
  @MaxLength(3)
  text!: string;
}

class Body {
  @IsString()
  name!: string;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Type(() => Number)
  count?: number;

  @IsOptional()
  @ValidateNested()
  @Type(() => Inner)
  inner?: Inner;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(2)
  @ValidateNested({ each: true })
  @Type(() => Inner)
  list?: Inner[];
}

const check = (value: unknown, type: 'body' | 'query' = 'body'): Promise<unknown> =>
  new RequestValidation().transform(value, { type, metatype: Body });
const issues = (value: unknown, type?: 'body' | 'query'): Promise<unknown> =>
  check(value, type).then(
    () => [],
    (error: DomainError) => error.details.issues?.map(({ path, type }) => [path.join('.'), type]),
  );

describe('RequestValidation', () => {
  it('gives an instance without the fields nobody declared', async () => {
    const body = await check({ name: 'a', count: '3', extra: 1 });
    expect(body).toBeInstanceOf(Body);
    expect(body).toEqual({ name: 'a', count: 3 });
  });

  it('says which fields are missing, also when there is no body', async () => {
    expect(await issues({})).toEqual([['body.name', 'missing']]);
    expect(await issues(undefined)).toEqual([['body.name', 'missing']]);
  });

  it('names the place of nested fields', async () => {
    expect(await issues({ name: 'a', inner: { text: 'long' }, list: [{ text: 'ok' }, { text: 1 }] })).toEqual([
      ['body.inner.text', 'string_too_long'],
      ['body.list.1.text', 'string_too_long'],
      ['body.list.1.text', 'string_type'],
    ]);
  });

  it('starts the path of a query parameter with query', async () => {
    expect(await issues({ name: 'a', count: '0' }, 'query')).toEqual([['query.count', 'greater_than_equal']]);
  });

  it.each([[[]], ['text'], [1], [null], [[{ name: 'a' }]]])('refuses %j where an object is due', async (value) => {
    expect(await issues(value)).toEqual([['body', 'dict_type']]);
  });
});
