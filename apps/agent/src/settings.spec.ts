import { describe, expect, it } from '@jest/globals';
import { readSettings, SettingsError } from './settings.js';

const COMPLETE = {
  ROOKERY_AGENT_ID: 'a1',
  ROOKERY_PORT: '4000',
  ROOKERY_WORKSPACE: '/work',
  ROOKERY_GATEWAY_TOKEN: 'gateway-secret',
  ROOKERY_LLM_PROVIDER: 'anthropic',
  ROOKERY_LLM_BASE_URL: 'http://127.0.0.1:4101/llm/anthropic/',
  ROOKERY_LLM_TOKEN: 'agent-secret',
};

function problemsOf(environment: Record<string, string>): string {
  try {
    readSettings(environment);
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
  }
  throw new Error('the settings were accepted');
}

describe('agent settings', () => {
  it('needs no more than who, where and which model', () => {
    const settings = readSettings(COMPLETE);
    expect(settings.model.model).toBe('claude-sonnet-4-5');
    expect(settings.model.baseUrl).toBe('http://127.0.0.1:4101/llm/anthropic');
    expect(settings.model.temperature).toBeUndefined();
    expect(settings.bind).toBe('127.0.0.1');
  });

  it('names everything that is missing at once', () => {
    const problems = problemsOf({});
    for (const name of Object.keys(COMPLETE).filter((key) => key !== 'ROOKERY_PORT')) expect(problems).toContain(name);
  });

  it.each([
    ['ROOKERY_PORT', '70000'],
    ['ROOKERY_PORT', '1.5'],
    ['ROOKERY_WORKSPACE', 'relative'],
    ['ROOKERY_LLM_PROVIDER', 'skynet'],
    ['ROOKERY_LLM_BASE_URL', 'file:///etc'],
    ['ROOKERY_TEMPERATURE', 'hot'],
    ['ROOKERY_MAX_TOKENS', '0'],
  ])('refuses %s=%s by name and without secrets', (name, value) => {
    const problems = problemsOf({ ...COMPLETE, [name]: value });
    expect(problems).toContain(name);
    expect(problems).not.toContain('secret');
  });
});
