import { describe, expect, it } from '@jest/globals';
import { DomainError, ERROR_KINDS, invalid } from '#libs/kernel';
import { encodeAgentoError } from './agento.errors.js';

const documented: [string, number, string][] = [
  ['validation', 400, 'validation_error'],
  ['unauthenticated', 401, 'unauthorized'],
  ['forbidden', 403, 'forbidden'],
  ['not_found', 404, 'not_found'],
  ['conflict', 409, 'conflict'],
  ['agent_not_running', 409, 'agent_not_running'],
  ['payload_too_large', 413, 'payload_too_large'],
  ['rate_limited', 429, 'rate_limited'],
  ['internal', 500, 'internal_error'],
  ['upstream_failed', 502, 'upstream_unavailable'],
];

describe('encodeAgentoError', () => {
  it.each(documented)('answers %s with %i and code %s', (kind, status, code) => {
    const encoded = encodeAgentoError(new DomainError(kind as (typeof ERROR_KINDS)[number], 'whatever', 'A sentence'));
    expect(encoded.status).toBe(status);
    expect(encoded.body.error.code).toBe(code);
  });

  it.each(['plan_limit_reached', 'feature_not_available'])('tells why the plan refuses: %s', (code) => {
    const { status, body } = encodeAgentoError(new DomainError('plan_limit', code, 'A sentence'));
    expect([status, body.error.code]).toEqual([403, code]);
  });

  it('answers every kind with a 4xx or 5xx and nothing but code and message', () => {
    for (const kind of ERROR_KINDS) {
      const { status, body } = encodeAgentoError(new DomainError(kind, 'a_code', 'A sentence'));
      expect(status).toBeGreaterThanOrEqual(400);
      expect(Object.keys(body.error)).toEqual(['code', 'message']);
    }
  });

  it('prints the documented sentence for a missing key', () => {
    const { body } = encodeAgentoError(new DomainError('unauthenticated', 'token_expired', 'Token expired'));
    expect(body).toEqual({ error: { code: 'unauthorized', message: 'Invalid or missing API key' } });
  });

  it('never shows what went wrong inside', () => {
    const { body } = encodeAgentoError(new DomainError('internal', 'internal', 'relation "agents" does not exist'));
    expect(JSON.stringify(body)).not.toContain('relation');
  });

  it('names the wrong fields from the body inwards', () => {
    const error = invalid('The request is wrong', [
      { path: ['body', 'name'], message: 'name should not be empty', type: 'missing' },
      {
        path: ['body', 'secrets', 'anthropicApiKey'],
        message: 'anthropicApiKey must start with sk-ant-',
        type: 'form',
      },
      { path: ['query', 'limit'], message: 'must be a whole number', type: 'number' },
    ]);
    expect(encodeAgentoError(error).body.error.message).toBe(
      'name should not be empty; secrets.anthropicApiKey must start with sk-ant-; limit: must be a whole number',
    );
  });

  it('shortens a long list of issues', () => {
    const issues = Array.from({ length: 8 }, (_, n) => ({ path: ['body', `f${n}`], message: 'is wrong', type: 'x' }));
    expect(encodeAgentoError(invalid('wrong', issues)).body.error.message).toMatch(/f4: is wrong; and 3 more$/);
  });

  it('tells when to try again', () => {
    const error = new DomainError('rate_limited', 'rate_limited', 'Too many requests', { retryAfterSeconds: 7 });
    expect(encodeAgentoError(error).headers).toEqual({ 'retry-after': '7' });
  });
});
