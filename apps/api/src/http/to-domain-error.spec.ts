import { NotFoundException, PayloadTooLargeException } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { DomainError, ERROR_KINDS } from '#libs/kernel';
import { HTTP_STATUS } from './http-status.js';
import { toDomainError } from './to-domain-error.js';

describe('toDomainError', () => {
  it('leaves domain errors alone', () => {
    const error = new DomainError('conflict', 'c', 'm');
    expect(toDomainError(error)).toBe(error);
  });

  it('reads the status of HTTP errors and drops their words', () => {
    expect(toDomainError(new NotFoundException('Cannot GET /x'))).toMatchObject({
      kind: 'not_found',
      message: 'No such route',
    });
    expect(toDomainError(new PayloadTooLargeException())).toMatchObject({ kind: 'payload_too_large' });
    expect(toDomainError(Object.assign(new Error('x'), { statusCode: 415 }))).toMatchObject({
      kind: 'unsupported_media_type',
    });
  });

  it('knows malformed JSON', () => {
    const error = Object.assign(new Error('Body is not valid JSON'), {
      code: 'FST_ERR_CTP_INVALID_JSON_BODY',
      statusCode: 400,
    });
    expect(toDomainError(error)).toMatchObject({ kind: 'validation', code: 'malformed_json' });
  });

  it('says that Postgres is away, and when to try again', () => {
    const error = Object.assign(new Error('terminating connection'), { code: '57P01' });
    expect(toDomainError(error)).toMatchObject({ kind: 'unavailable', details: { retryAfterSeconds: 1 } });
  });

  it.each([
    new Error('secret sk-ant-123'),
    Object.assign(new Error('x'), { statusCode: 500 }),
    'text',
    null,
    undefined,
  ])('hides everything else: %p', (thrown) => {
    expect(toDomainError(thrown)).toMatchObject({ kind: 'internal', message: 'Something went wrong on our side' });
  });
});

describe('HTTP_STATUS', () => {
  it('answers every kind with an error status', () => {
    expect(ERROR_KINDS.every((kind) => HTTP_STATUS[kind] >= 400 && HTTP_STATUS[kind] < 600)).toBe(true);
  });
});
