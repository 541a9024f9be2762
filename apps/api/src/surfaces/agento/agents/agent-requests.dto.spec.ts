import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validate, type ValidationError } from 'class-validator';
import { CreateAgentDto, ListAgentsQuery, UpdateAgentDto } from './agent-requests.dto.js';

const paths = (errors: ValidationError[], prefix = ''): string[] =>
  errors.flatMap((error) => [
    ...(error.constraints ? [prefix + error.property] : []),
    ...paths(error.children ?? [], `${prefix}${error.property}.`),
  ]);

const wrong = async (type: new () => object, plain: object): Promise<string[]> =>
  paths(await validate(plainToInstance(type, plain)));

const agent = { name: 'A', secrets: { openaiApiKey: 'sk-1' } };

describe('CreateAgentDto', () => {
  it('takes what is documented', async () => {
    const secrets = {
      anthropicApiKey: 'sk-ant-api03-x',
      openaiApiKey: 'sk-1',
      googleApiKey: 'AIza',
      telegramBotToken: '1:abc',
      slackBotToken: 'xoxb-1',
      slackAppToken: 'xapp-1',
    };
    const body = { name: 'n'.repeat(100), region: 'us', secrets, config: { a: 1 }, soulMd: '# S', workflowMd: '# W' };
    expect(await wrong(CreateAgentDto, body)).toEqual([]);
  });

  it.each<[string, object]>([
    ['name', { ...agent, name: undefined }],
    ['name', { ...agent, name: '' }],
    ['name', { ...agent, name: '   ' }],
    ['name', { ...agent, name: 'n'.repeat(101) }],
    ['name', { ...agent, name: 7 }],
    ['region', { ...agent, region: 'mars' }],
    ['region', { ...agent, region: null }],
    ['secrets', { ...agent, secrets: 'sk-1' }],
    ['secrets', { ...agent, secrets: null }],
    ['secrets.openaiApiKey', { ...agent, secrets: { openaiApiKey: '' } }],
    ['secrets.openaiApiKey', { ...agent, secrets: { openaiApiKey: 7 } }],
    ['secrets.anthropicApiKey', { ...agent, secrets: { anthropicApiKey: 'sk-1' } }],
    ['secrets.slackBotToken', { ...agent, secrets: { ...agent.secrets, slackBotToken: 'xapp-1' } }],
    ['secrets.slackAppToken', { ...agent, secrets: { ...agent.secrets, slackAppToken: 'xoxb-1' } }],
    ['config', { ...agent, config: 'fast' }],
    ['config', { ...agent, config: ['fast'] }],
    ['soulMd', { ...agent, soulMd: 7 }],
    ['swarmId', { ...agent, swarmId: 'growth' }],
  ])('refuses a wrong %s: %j', async (field, body) => {
    expect(await wrong(CreateAgentDto, body)).toEqual([field]);
  });
});

describe('UpdateAgentDto', () => {
  it('takes null where it means removal', async () => {
    expect(await wrong(UpdateAgentDto, { avatarUrl: null, swarmId: null })).toEqual([]);
    expect(await wrong(UpdateAgentDto, { avatarUrl: 'https://example.org/a.png' })).toEqual([]);
  });

  it.each<[string, object]>([
    ['name', { name: null }],
    ['config', { config: null }],
    ['avatarUrl', { avatarUrl: 'javascript:alert(1)' }],
    ['swarmId', { swarmId: 7 }],
  ])('refuses a wrong %s: %j', async (field, body) => {
    expect(await wrong(UpdateAgentDto, body)).toEqual([field]);
  });
});

describe('ListAgentsQuery', () => {
  it('reads numbers out of the query', async () => {
    expect(plainToInstance(ListAgentsQuery, { limit: '5', offset: '10' })).toEqual({ limit: 5, offset: 10 });
  });

  it.each<[string, object]>([
    ['status', { status: 'asleep' }],
    ['limit', { limit: '0' }],
    ['limit', { limit: 'many' }],
    ['offset', { offset: '-1' }],
    ['swarmId', { swarmId: 'x' }],
  ])('refuses a wrong %s: %j', async (field, query) => {
    expect(await wrong(ListAgentsQuery, query)).toEqual([field]);
  });
});
