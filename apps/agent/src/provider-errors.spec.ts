import { describe, expect, it } from '@jest/globals';
import { GatewayError } from './gateway-error.js';
import { toGatewayError } from './provider-errors.js';

const answered = (statusCode: number, message = 'no'): Error => Object.assign(new Error(message), { statusCode });
const network = (code: string): Error =>
  new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });

describe('provider failures', () => {
  it.each([
    [401, 'provider_auth'],
    [403, 'provider_auth'],
    [429, 'provider_rate_limited'],
    [529, 'provider_rate_limited'],
    [408, 'provider_timeout'],
    [504, 'provider_timeout'],
    [400, 'provider_refused'],
    [404, 'provider_refused'],
    [500, 'provider_error'],
    [503, 'provider_error'],
  ])('tells status %i apart as %s', (status, code) => {
    expect(toGatewayError(answered(status), []).code).toBe(code);
  });

  it.each(['ECONNREFUSED', 'ENOTFOUND', 'ECONNRESET', 'UND_ERR_SOCKET'])('calls %s unreachable', (code) => {
    expect(toGatewayError(network(code), []).code).toBe('provider_unreachable');
    expect(toGatewayError(new Error('retried', { cause: network(code) }), []).code).toBe('provider_unreachable');
  });

  it('calls a silent connection timed out', () => {
    expect(toGatewayError(network('UND_ERR_HEADERS_TIMEOUT'), []).code).toBe('provider_timeout');
  });

  it('looks at the last of several attempts', () => {
    const error = Object.assign(new Error('Failed after 2 attempts'), { lastError: answered(429) });
    expect(toGatewayError(error, []).code).toBe('provider_rate_limited');
  });

  it('passes on which budget stands in the way', () => {
    const error = Object.assign(new Error('budget_exceeded: the daily budget of this agent has no room'), {
      statusCode: 402,
      responseHeaders: { 'x-rookery-error': 'budget_exceeded' },
    });
    const { status, code, message } = toGatewayError(error, []);
    expect([status, code, message]).toEqual([402, 'budget_exceeded', 'The daily budget of this agent has no room']);
  });

  it('understands errors sent inside a stream', () => {
    expect(toGatewayError({ type: 'timeout_error', message: 'sent nothing' }, []).code).toBe('provider_timeout');
    expect(toGatewayError({ status: 'DEADLINE_EXCEEDED', code: 504 }, []).code).toBe('provider_timeout');
    expect(toGatewayError({ type: 'overloaded_error', message: 'Overloaded' }, []).code).toBe('provider_rate_limited');
    expect(toGatewayError(new Error('something broke'), []).code).toBe('provider_error');
  });

  it('keeps keys out of the message, and the message short', () => {
    const words = `bad key agent-token-1 and sk-ant-abc_DEF-123 and Bearer abc.def ${'x'.repeat(1000)}`;
    const { message } = toGatewayError(answered(400, words), ['agent-token-1']);
    expect(message).toContain('[redacted]');
    expect(message).not.toMatch(/agent-token-1|abc_DEF|abc\.def/);
    expect(message.length).toBeLessThan(400);
  });

  it('leaves what is already told apart as it is', () => {
    const error = new GatewayError(504, 'provider_timeout', 'slow');
    expect(toGatewayError(error, [])).toBe(error);
  });
});
