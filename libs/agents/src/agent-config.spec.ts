import { describe, expect, it } from '@jest/globals';
import { DomainError } from '#libs/kernel';
import { checkedConfig, mergedConfig, newConfig, providerWith } from './agent-config.js';

const refusal = (config: Record<string, unknown>): DomainError => {
  try {
    checkedConfig(config);
  } catch (error) {
    if (error instanceof DomainError) return error;
  }
  throw new Error('It was not refused');
};

describe('agent config', () => {
  it('keeps fields it does not know', () => {
    const config = { llmProvider: 'openai', sharedMode: true, nested: { a: [1] } };
    expect(newConfig(config)).toEqual(config);
  });

  it.each([
    ['llmProvider', 'mistral'],
    ['llmProvider', 1],
    ['model', ''],
    ['model', 'x'.repeat(256)],
    ['temperature', 2.1],
    ['temperature', '1'],
    ['maxTokens', 0],
    ['maxTokens', 1.5],
    ['egress', ['example.com']],
    ['egress', { hosts: [] }],
    ['egress', { allowHosts: 'example.com' }],
    ['egress', { allowHosts: ['https://example.com/'] }],
    ['egress', { allowHosts: ['*'] }],
    ['egress', { allowHosts: ['example.com', 7] }],
    ['egress', { allowHosts: Array.from({ length: 101 }, (_, n) => `${n}.example.com`) }],
  ])('refuses %s = %j and says where', (field, value) => {
    const error = refusal({ [field]: value });
    expect(error).toMatchObject({ kind: 'validation', details: { issues: [{ path: ['body', 'config', field] }] } });
    expect(error.message).toContain(`config.${field}`);
  });

  it('refuses what is too large, and NUL characters, which jsonb cannot hold', () => {
    expect(refusal({ text: 'x'.repeat(70_000) }).message).toContain('65536');
    expect(refusal({ text: 'a\0b' }).message).toContain('NUL');
  });

  it('takes names, what is below a name, and ports as hosts to reach', () => {
    const egress = { allowHosts: ['example.com', '*.example.org', 'example.net:8443'] };
    expect(newConfig({ egress })).toEqual({ egress });
    expect(newConfig({ egress: {} })).toEqual({ egress: {} });
    expect(refusal({ egress: { allowHosts: ['example.com', '*.com'] } }).message).toContain('allowHosts[1]');
  });

  it('merges shallow and removes what is set to null', () => {
    const old = { llmProvider: 'openai', model: 'm', extra: { a: 1, b: 2 } } as const;
    expect(mergedConfig(old, { model: null, extra: { a: 3 }, temperature: 0 })).toEqual({
      llmProvider: 'openai',
      extra: { a: 3 },
      temperature: 0,
    });
  });

  it.each([
    [{}, ['google_api_key', 'openai_api_key', 'slack_bot_token'], 'openai'],
    [{}, [], undefined],
    [{ llmProvider: 'google' }, ['openai_api_key', 'google_api_key'], 'google'],
    [{ llmProvider: 'google' }, ['openai_api_key'], undefined],
    [{ model: 'gemini-2.5-pro' }, ['openai_api_key', 'google_api_key'], 'google'],
    [{ model: 'gemini-2.5-pro' }, ['openai_api_key'], 'openai'],
    [{ model: 'demo' }, ['openai_api_key'], 'demo'],
  ] as const)('%j with the secrets %j means the provider %s', (config, secrets, provider) => {
    expect(providerWith(config, secrets)).toBe(provider);
  });
});
