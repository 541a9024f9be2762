import { describe, expect, it } from '@jest/globals';
import { requireGoodSecrets, secretProblem } from './secret-rules.js';

describe('secretProblem', () => {
  it('accepts what providers hand out', () => {
    const good = {
      anthropic_api_key: 'sk-ant-api03-abc',
      openai_api_key: 'sk-proj-abc',
      google_api_key: 'AIzaSyabc',
      telegram_bot_token: '123:abc',
      slack_bot_token: 'xoxb-1',
      slack_app_token: 'xapp-1',
      something_else: 'anything',
    };
    expect(Object.entries(good).map(([name, value]) => secretProblem(name, value))).toEqual(Array(7).fill(undefined));
  });

  it('refuses wrong prefixes, names and values', () => {
    expect(secretProblem('anthropic_api_key', 'sk-abc')).toBe('must start with sk-ant-');
    expect(secretProblem('slack_bot_token', 'xapp-1')).toBe('must start with xoxb-');
    expect(secretProblem('openai_api_key', ' ')).toMatch('not empty');
    expect(secretProblem('google_api_key', 7)).toMatch('text');
    expect(secretProblem('google_api_key', 'x'.repeat(9_000))).toMatch('at most');
    expect(secretProblem('google_api_key', 'a\r\nHost: evil')).toMatch('control');
    for (const name of ['openaiApiKey', '', '__proto__', 'a|b', '1a']) expect(secretProblem(name, 'x')).toMatch('name');
  });
});

describe('requireGoodSecrets', () => {
  it('names every wrong secret and never a value', () => {
    try {
      requireGoodSecrets({ anthropic_api_key: 'CANARY', slack_bot_token: 'CANARY', openai_api_key: 'sk-fine' });
      throw new Error('accepted');
    } catch (error) {
      expect(error).toMatchObject({
        kind: 'validation',
        details: { issues: [{ path: ['secrets', 'anthropic_api_key'] }, { path: ['secrets', 'slack_bot_token'] }] },
      });
      expect(JSON.stringify(error) + (error as Error).message).not.toContain('CANARY');
    }
  });

  it('refuses more than can be wanted', () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`name_${n}`, 'x']));
    expect(() => requireGoodSecrets(many)).toThrow('at most');
  });
});
