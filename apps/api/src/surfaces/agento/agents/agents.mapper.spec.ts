import { describe, expect, it } from '@jest/globals';
import type { Agent } from '#libs/agents';
import { DomainError } from '#libs/kernel';
import {
  toAgentDetails,
  toAgentStatus,
  toAgentSummary,
  toCreateAgent,
  toCreatedAgent,
  toStartedAgent,
  toStoppedAgent,
  toUpdateAgent,
} from './agents.mapper.js';

const agent = {
  id: 'a1b2c3d4-e5f6-4890-abcd-ef1234567890',
  orgId: 'b1b2c3d4-e5f6-4890-abcd-ef1234567890',
  name: 'My Assistant',
  status: 'running',
  region: 'eu',
  runtime: 'house',
  image: 'rookery/agent:local',
  avatarUrl: null,
  config: { llmProvider: 'anthropic' },
  workflowMd: '# Workflow',
  provider: 'anthropic',
  swarm: null,
  needsRestart: false,
  lastError: null,
  errorCategory: null,
  createdAt: new Date(Date.UTC(2026, 0, 15, 10, 30)),
  startedAt: new Date(Date.UTC(2026, 0, 15, 10, 31)),
  stoppedAt: null,
} as Agent;

const issuesOf = (work: () => unknown): DomainError => {
  try {
    work();
  } catch (error) {
    if (error instanceof DomainError) return error;
  }
  throw new Error('nothing was refused');
};

describe('toCreateAgent', () => {
  it('stores secrets under their snake_case names and only those that were given', () => {
    const created = toCreateAgent({
      name: 'A',
      secrets: { anthropicApiKey: 'sk-ant-1', slackBotToken: 'xoxb-1', slackAppToken: 'xapp-1' },
    });
    expect(created.secrets).toEqual({
      anthropic_api_key: 'sk-ant-1',
      slack_bot_token: 'xoxb-1',
      slack_app_token: 'xapp-1',
    });
  });

  it('places an agent in eu unless told otherwise', () => {
    const secrets = { openaiApiKey: 'sk-1' };
    expect(toCreateAgent({ name: 'A', secrets }).region).toBe('eu');
    expect(toCreateAgent({ name: 'A', secrets, region: 'us' }).region).toBe('us');
  });

  it.each([
    ['no secrets', {}],
    ['no key of a model', { secrets: { telegramBotToken: '1:abc' } }],
    ['another provider without key', { config: { llmProvider: 'openai' } }],
  ])('refuses %s', (_case, fields) => {
    const error = issuesOf(() => toCreateAgent({ name: 'A', ...fields }));
    expect(error.kind).toBe('validation');
    expect(error.details.issues?.[0]?.path).toEqual(['body', 'secrets']);
  });

  it('makes a demo agent without secrets', () => {
    expect(toCreateAgent({ name: 'A', config: { llmProvider: 'demo' } }).secrets).toEqual({});
  });
});

describe('toUpdateAgent', () => {
  it('refuses a change of nothing', () => {
    expect(issuesOf(() => toUpdateAgent({})).kind).toBe('validation');
  });

  it('tells null from absent', () => {
    expect(toUpdateAgent({ avatarUrl: null, swarmId: null })).toMatchObject({ avatarUrl: null, swarmId: null });
    expect(toUpdateAgent({ name: 'B' }).avatarUrl).toBeUndefined();
  });
});

describe('agents on the wire', () => {
  it('has exactly the documented fields in a list', () => {
    expect(toAgentSummary(agent)).toEqual({
      id: agent.id,
      name: 'My Assistant',
      status: 'running',
      region: 'eu',
      image: 'rookery/agent:local',
      swarm: null,
      createdAt: '2026-01-15T10:30:00.000Z',
      startedAt: '2026-01-15T10:31:00.000Z',
      stoppedAt: null,
    });
  });

  it('has exactly the documented fields alone', () => {
    expect(Object.keys(toAgentDetails(agent).data)).toEqual([
      'id',
      'name',
      'status',
      'region',
      'image',
      'avatarUrl',
      'config',
      'workflowMd',
      'swarm',
      'createdAt',
      'startedAt',
      'stoppedAt',
      'lastError',
      'errorCategory',
      'needsRestart',
    ]);
  });

  it('names the provider that is used and how it is paid for, unless config says otherwise', () => {
    const shown = (fields: Partial<Agent>): unknown => toAgentDetails({ ...agent, ...fields }).data.config;
    expect(shown({ config: {} })).toEqual({ llmProvider: 'anthropic', authType: 'api_key' });
    expect(shown({ config: { llmProvider: 'openai', authType: 'oauth' }, provider: 'openai' })).toEqual({
      llmProvider: 'openai',
      authType: 'oauth',
    });
    expect(shown({ config: { llmProvider: 'demo' }, provider: 'demo' })).toEqual({ llmProvider: 'demo' });
    expect(shown({ config: { tone: 'warm' }, provider: null })).toEqual({ tone: 'warm' });
  });

  it('answers commands with the moment they are about', () => {
    expect(toCreatedAgent(agent).data).toMatchObject({ status: 'running', startedAt: '2026-01-15T10:31:00.000Z' });
    expect(toStartedAgent(agent)).toEqual({
      data: { id: agent.id, status: 'running', startedAt: '2026-01-15T10:31:00.000Z' },
    });
    expect(toStoppedAgent({ ...agent, status: 'stopped', stoppedAt: agent.createdAt })).toEqual({
      data: { id: agent.id, status: 'stopped', stoppedAt: '2026-01-15T10:30:00.000Z' },
    });
  });

  it('writes memory and processor use as docker does', () => {
    const live = {
      status: 'running',
      containerStatus: 'running',
      live: true,
      resources: { memoryBytes: 128 * 1024 * 1024, memoryLimitBytes: 512 * 1024 * 1024, cpuPercent: 2.349 },
      source: 'redis',
    } as const;
    expect(toAgentStatus(live).data).toEqual({
      ...live,
      resources: { memoryUsage: '128MiB / 512MiB', cpuPercent: '2.35%' },
    });
    expect(toAgentStatus({ ...live, resources: null }).data.resources).toBeNull();
  });
});
