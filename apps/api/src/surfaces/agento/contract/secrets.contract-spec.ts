import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SecretsService } from '#libs/secrets';
import { type ApiAnswer, type ApiFixture, startApi } from '../../../testing/api-fixture.js';
import { type AgentoClient, agentoClient } from './agento-client.js';

const TABLES = ['agents', 'secrets', 'organisation_keys', 'events', 'outbox'];
const CANARY = 'canary-0123456789';

let api: ApiFixture;
let client: AgentoClient;
let id: string;

const put = (body: unknown): Promise<ApiAnswer> => client.call('PUT', `/agents/${id}/secrets`, body);

const names = (): Promise<string[]> =>
  api.app.get(SecretsService, { strict: false }).names(client.org, { kind: 'agent', id });

const keyOf = (provider: 'openai' | 'anthropic') =>
  api.app
    .get(SecretsService, { strict: false })
    .providerKey({ orgId: client.org.orgId, agentId: id, swarmId: null }, provider);

async function refused(body: unknown, message: RegExp): Promise<void> {
  const answer = await client.refused(400, 'validation_error', () => put(body), message);
  expect(JSON.stringify(answer.body)).not.toContain(CANARY);
}

beforeAll(async () => {
  api = await startApi();
  client = agentoClient(api, await api.organisation(), TABLES);
});
afterAll(() => api?.close());
beforeEach(async () => {
  id = await client.insertAgent();
});

describe('PUT /v1/agents/:id/secrets', () => {
  it('stores by both forms of a name, encrypted, and flags a running agent', async () => {
    const secrets = { anthropic_api_key: `sk-ant-${CANARY}`, telegramBotToken: `1:${CANARY}` };
    const { status, body } = await put({ secrets });
    expect({ status, body }).toEqual({ status: 200, body: { data: { updated: true, needsRestart: true } } });
    expect(await names()).toEqual(['anthropic_api_key', 'telegram_bot_token']);
    expect(await keyOf('anthropic')).toBe(`sk-ant-${CANARY}`);
    const rows = await api.db.database.query<{ ciphertext: Buffer }>('SELECT * FROM secrets WHERE owner_id = $1', [id]);
    expect(rows.some((row) => row.ciphertext.includes(CANARY) || JSON.stringify(row).includes(CANARY))).toBe(false);
    const shown = await api.request('GET', `/v1/agents/${id}`, { apiKey: client.org.apiKey });
    expect(shown.body).toMatchObject({ data: { needsRestart: true } });
    expect(JSON.stringify(shown.body)).not.toContain(CANARY);
  });

  it('does not flag a stopped agent', async () => {
    id = await client.insertAgent({ status: 'stopped' });
    const { body } = await put({ secrets: { openaiApiKey: 'sk-1' } });
    expect(body).toEqual({ data: { updated: true, needsRestart: false } });
  });

  it('replaces and deletes in one call, and keeps what is not named', async () => {
    await put({ secrets: { openai_api_key: 'sk-1', slack_bot_token: 'xoxb-1', telegram_bot_token: '1:a' } });
    const { status } = await put({
      secrets: { anthropicApiKey: 'sk-ant-2' },
      deleteSecrets: ['openai_api_key', 'slackBotToken', 'google_api_key'],
    });
    expect(status).toBe(200);
    expect(await names()).toEqual(['anthropic_api_key', 'telegram_bot_token']);
    expect(await keyOf('openai')).toBeUndefined();
  });

  it('keeps the last key of a model provider, unless the agent is a demo', async () => {
    await put({ secrets: { openai_api_key: 'sk-1', google_api_key: 'AIza' } });
    expect((await put({ deleteSecrets: ['openai_api_key'] })).status).toBe(200);
    await refused({ deleteSecrets: ['google_api_key'] }, /last key/);
    await refused({ deleteSecrets: ['google_api_key'], secrets: { telegram_bot_token: '1:a' } }, /last key/);
    expect(await names()).toEqual(['google_api_key']);
    id = await client.insertAgent({ config: { llmProvider: 'demo' } });
    await put({ secrets: { openai_api_key: 'sk-1' } });
    expect((await put({ deleteSecrets: ['openai_api_key'] })).status).toBe(200);
    expect(await names()).toEqual([]);
  });

  it('keeps one of two keys when both are deleted at the same time', async () => {
    await put({ secrets: { openai_api_key: 'sk-1', google_api_key: 'AIza' } });
    const answers = await Promise.all(['openai_api_key', 'google_api_key'].map((key) => put({ deleteSecrets: [key] })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    expect(await names()).toHaveLength(1);
  });

  it.each<[string, unknown, RegExp]>([
    ['nothing', {}, /secrets/],
    ['two times nothing', { secrets: {}, deleteSecrets: [] }, /secrets/],
    ['an unknown name', { secrets: { github_token: CANARY } }, /secrets\.github_token.*known/],
    ['an unknown name to delete', { deleteSecrets: ['github_token'] }, /github_token.*known/],
    ['a name that may be the secret', { secrets: { [CANARY]: 'openai_api_key' } }, /known/],
    [
      'a wrong Anthropic prefix',
      { secrets: { anthropic_api_key: CANARY } },
      /anthropic_api_key must start with sk-ant-/,
    ],
    ['a wrong Slack prefix', { secrets: { slackBotToken: CANARY } }, /slack_bot_token must start with xoxb-/],
    ['a wrong Slack app prefix', { secrets: { slack_app_token: CANARY } }, /slack_app_token must start with xapp-/],
    ['one wrong among right ones', { secrets: { openai_api_key: 'sk-1', slack_app_token: CANARY } }, /slack_app_token/],
    ['an empty value', { secrets: { openai_api_key: ' ' } }, /openai_api_key.*not empty/],
    ['null', { secrets: { openai_api_key: null } }, /openai_api_key.*text/],
    ['a list', { secrets: ['sk-1'] }, /secrets/],
    ['text', { secrets: CANARY }, /secrets/],
    ['a line break', { secrets: { openai_api_key: `sk-1\r\n${CANARY}` } }, /control/],
    ['a name in two forms', { secrets: { openai_api_key: 'sk-1', openaiApiKey: 'sk-2' } }, /twice/],
    ['store and delete at once', { secrets: { openaiApiKey: 'sk-1' }, deleteSecrets: ['openai_api_key'] }, /at once/],
    ['names to delete that are text', { deleteSecrets: 'openai_api_key' }, /deleteSecrets/],
    ['a number to delete', { deleteSecrets: [7] }, /deleteSecrets/],
  ])('refuses %s', async (_case, body, message) => {
    await refused(body, message);
  });
});
