import { describe, expect, it } from '@jest/globals';
import { type OpenclawSetup, openclawConfig } from './openclaw-config.js';

const setup = (given: Partial<OpenclawSetup> = {}): OpenclawSetup => ({
  model: { provider: 'openai', model: 'gpt-5-mini', maxTokens: undefined },
  modelDoorPort: 4000,
  workspace: '/w',
  peersWorkspace: '/w/.openclaw/peers',
  logFile: '/w/.openclaw/gateway.log',
  sharedMode: false,
  ...given,
});

interface Config {
  readonly gateway: object;
  readonly models: { readonly providers: { readonly rookery: object } };
  readonly agents: { readonly defaults: object; readonly entries: Record<'main' | 'peers', { tools?: object }> };
}

const config = (given?: Partial<OpenclawSetup>): Config => openclawConfig(setup(given)) as Config;

describe('the configuration of OpenClaw', () => {
  it('holds names of secrets, never secrets', () => {
    expect(JSON.stringify(config()).match(/"(?:token|apiKey)":"[^"]*"/g)).toEqual([
      '"token":"${OPENCLAW_GATEWAY_TOKEN}"',
      '"apiKey":"${ROOKERY_MODEL_DOOR_KEY}"',
    ]);
  });

  it.each([
    ['openai', 'openai-completions', 'http://127.0.0.1:4000/v1'],
    ['demo', 'openai-completions', 'http://127.0.0.1:4000/v1'],
    ['anthropic', 'anthropic-messages', 'http://127.0.0.1:4000'],
    ['google', 'google-generative-ai', 'http://127.0.0.1:4000/v1beta'],
  ] as const)('speaks to %s as %s, through the door of the bridge', (provider, api, baseUrl) => {
    const { rookery } = config({ model: { provider, model: 'm', maxTokens: 7 } }).models.providers;
    expect(rookery).toMatchObject({ api, baseUrl, models: [{ id: 'm', maxTokens: 7 }] });
  });

  it('listens on loopback with a token', () => {
    expect(config().gateway).toMatchObject({
      bind: 'loopback',
      auth: { mode: 'token' },
      controlUi: { enabled: false },
    });
  });

  it('gives peers no tool, and the owner all of them', () => {
    const { entries } = config().agents;
    expect(entries.peers.tools).toEqual({ deny: ['*'] });
    expect(entries.main.tools).toBeUndefined();
  });

  it('gives nobody a tool in shared mode', () => {
    expect(config({ sharedMode: true }).agents.entries.main.tools).toEqual({ deny: ['*'] });
  });
});
