import { describe, expect, it } from '@jest/globals';
import { DomainError, ERROR_KINDS, invalid } from '#libs/kernel';
import { encodeAgent402Error } from './agent402.errors.js';

const encode = (...args: ConstructorParameters<typeof DomainError>) =>
  encodeAgent402Error(new DomainError(...args), 'rid');

describe('encodeAgent402Error', () => {
  it('lists the wrong fields as FastAPI does', () => {
    const error = invalid('wrong', [{ path: ['body', 'email'], message: 'Field required', type: 'missing' }]);
    expect(encodeAgent402Error(error, 'rid')).toEqual({
      status: 422,
      headers: {},
      body: { detail: [{ loc: ['body', 'email'], msg: 'Field required', type: 'missing' }], request_id: 'rid' },
    });
  });

  it('asks for a bearer token with every 401', () => {
    expect(encode('unauthenticated', 'wrong_credentials', 'Incorrect email or password')).toEqual({
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
      body: { detail: 'Incorrect email or password', request_id: 'rid' },
    });
  });

  it.each([
    ['conflict', 'email_taken', 400],
    ['unprocessable', 'wrong_password', 400],
    ['validation', 'malformed_json', 400],
    ['conflict', 'anything', 409],
    ['plan_limit', 'plan_limit_reached', 403],
  ] as const)('answers %s %s with %i', (kind, code, status) => {
    expect(encode(kind, code, 'm').status).toBe(status);
  });

  it('says how long to wait', () => {
    const details = { limit: 60, retryAfterSeconds: 7 };
    expect(encode('rate_limited', 'rate_limited', 'Slow down', details)).toEqual({
      status: 429,
      headers: { 'retry-after': '7' },
      body: { error: 'rate_limit_exceeded', message: 'Slow down', limit: 60, retry_after_seconds: 7 },
    });
    expect(encode('unavailable', 'x', 'm', { retryAfterSeconds: 1 }).headers).toEqual({ 'retry-after': '1' });
  });

  it('answers every kind with an error status', () => {
    for (const kind of ERROR_KINDS) expect(encode(kind, 'c', 'm').status).toBeGreaterThanOrEqual(400);
  });
});
