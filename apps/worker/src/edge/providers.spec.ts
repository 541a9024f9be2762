import { describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import type { Provider } from '#libs/secrets';
import { WIRE_FORMATS, providerHeaders, providerUrl } from './providers.js';

const message = (headers: Record<string, string>): IncomingMessage => ({ headers }) as unknown as IncomingMessage;
const allows = (provider: Provider, call: string): boolean =>
  WIRE_FORMATS[provider].paths.some((path) => path.test(call));

describe('allowed paths', () => {
  it.each<[Provider, string]>([
    ['openai', 'POST chat/completions'],
    ['openai', 'POST responses'],
    ['openai', 'POST embeddings'],
    ['openai', 'GET models'],
    ['anthropic', 'POST messages'],
    ['anthropic', 'POST messages/count_tokens'],
    ['anthropic', 'GET models/claude-sonnet-4-5'],
    ['google', 'POST models/gemini-2.5-pro:streamGenerateContent'],
    ['google', 'POST models/gemini-2.5-pro:embedContent'],
  ])('%s: %s', (provider, call) => {
    expect(allows(provider, call)).toBe(true);
  });

  it.each<[Provider, string]>([
    ['openai', 'POST files'],
    ['openai', 'GET organization/api_keys'],
    ['openai', 'GET models/../files'],
    ['openai', 'GET models/a/b'],
    ['openai', 'POST chat/completions/'],
    ['openai', 'DELETE models/ft-mine'],
    ['anthropic', 'GET messages'],
    ['anthropic', 'GET organizations/api_keys'],
    ['google', 'POST models/..:generateContent'],
    ['google', 'POST models/%2e%2e:generateContent'],
    ['google', 'POST models/gemini:batchDelete'],
    ['google', 'POST tunedModels/x:generateContent'],
  ])('not %s: %s', (provider, call) => {
    expect(allows(provider, call)).toBe(false);
  });
});

describe('providerHeaders', () => {
  it.each<[Provider, string]>([
    ['openai', 'authorization'],
    ['anthropic', 'x-api-key'],
    ['google', 'x-goog-api-key'],
  ])('puts the key in place of every credential for %s', (provider, header) => {
    const headers = providerHeaders(
      message({
        authorization: 'Bearer AGENT',
        'x-api-key': 'AGENT',
        'x-goog-api-key': 'AGENT',
        'openai-organization': 'AGENT',
        cookie: 'AGENT',
        'x-forwarded-for': 'AGENT',
        'content-type': 'application/json',
        'anthropic-version': '2023-06-01',
      }),
      WIRE_FORMATS[provider],
      'REAL',
    );
    expect(JSON.stringify(headers)).not.toContain('AGENT');
    expect(String(headers[header])).toMatch(/^(Bearer )?REAL$/);
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'accept-encoding': 'identity' });
  });
});

describe('providerUrl', () => {
  it('keeps the base path and harmless query, never a key', () => {
    const url = providerUrl(
      'https://x.test/v1beta',
      'models/m:g',
      new URLSearchParams('alt=sse&key=AGENT&access_token=A'),
    );
    expect(url.href).toBe('https://x.test/v1beta/models/m:g?alt=sse');
  });
});

describe('errorBody', () => {
  it("has each provider's own form", () => {
    expect(WIRE_FORMATS.openai.errorBody(401, 'c', 'm')).toEqual({
      error: { message: 'm', type: 'authentication_error', param: null, code: 'c' },
    });
    expect(WIRE_FORMATS.anthropic.errorBody(413, 'c', 'm')).toEqual({
      type: 'error',
      error: { type: 'request_too_large', message: 'm' },
    });
    expect(WIRE_FORMATS.google.errorBody(503, 'c', 'm')).toEqual({
      error: { code: 503, message: 'm', status: 'UNAVAILABLE' },
    });
  });
});
