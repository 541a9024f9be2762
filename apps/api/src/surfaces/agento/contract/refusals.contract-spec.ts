import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';

const TABLES = [
  'agents',
  'secrets',
  'agent_files',
  'agent_file_versions',
  'chat_sessions',
  'messages',
  'runs',
  'events',
  'outbox',
];
const AGENT_ROUTES = [
  ['GET', ''],
  ['PATCH', ''],
  ['DELETE', ''],
  ['POST', '/start'],
  ['POST', '/stop'],
  ['POST', '/restart'],
  ['GET', '/status'],
  ['GET', '/why'],
  ['POST', '/chat/messages'],
  ['GET', '/chat/messages'],
  ['GET', '/chat/sessions'],
  ['POST', '/chat/sessions'],
  ['GET', `/chat/runs/${newId()}`],
  ['GET', `/chat/runs/${newId()}/stream`],
  ['GET', '/logs'],
  ['GET', '/logs/stream'],
  ['PUT', '/secrets'],
  ['GET', '/personality'],
  ['PUT', '/personality'],
  ['GET', '/personality/versions'],
  ['GET', '/personality/versions/1'],
  ['POST', '/personality/versions/1/restore'],
  ['GET', '/workflow'],
  ['PUT', '/workflow'],
  ['GET', '/rules'],
  ['GET', '/rules/new-request'],
  ['PUT', '/rules/new-request'],
  ['DELETE', '/rules/new-request'],
] as const;

const BODIES: Record<string, object> = {
  PATCH: { name: 'Other' },
  'POST/chat/messages': { message: 'Hi' },
  'PUT/secrets': { secrets: { openai_api_key: 'sk-1' } },
  'PUT/personality': { soulMd: 'x' },
  'PUT/workflow': { workflowMd: 'x' },
  'PUT/rules/new-request': { content: 'x' },
};
const bodyOf = (method: string, path: string): object | undefined => BODIES[method + path] ?? BODIES[method];

let api: ApiFixture;
let mine: ApiOrganisation;
let theirs: ApiOrganisation;
let foreignId: string;
let ownId: string;

const insertAgent = async ({ orgId }: ApiOrganisation): Promise<string> => {
  const id = newId();
  await api.db.database.query(
    `INSERT INTO agents (id, org_id, name, region, image, status, desired_state) VALUES ($1, $2, 'A', 'eu', 'x', 'stopped', 'stopped')`,
    [id, orgId],
  );
  return id;
};

const state = async (): Promise<unknown> =>
  Object.fromEntries(
    await Promise.all(
      TABLES.map(async (table) => {
        const [row] = await api.db.database.query<{ digest: string }>(
          `SELECT count(*) || ':' || md5(COALESCE(string_agg(t::text, ',' ORDER BY t::text), '')) AS digest FROM ${table} t`,
        );
        return [table, row?.digest];
      }),
    ),
  );

/** Every refusal: the status, the documented envelope, the limit's headers, and nothing changed. */
async function refused(
  status: number,
  code: string,
  request: () => Promise<ApiAnswer>,
  message: RegExp = /./,
): Promise<void> {
  const before = await state();
  const answer = await request();
  expect({ status: answer.status, body: answer.body }).toEqual({
    status,
    body: { error: { code, message: expect.stringMatching(message) } },
  });
  for (const header of ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset']) {
    expect([header, answer.headers.get(header)]).toEqual([header, expect.stringMatching(/^\d+$/)]);
  }
  expect(answer.headers.get('content-type')).toContain('application/json');
  expect(await state()).toEqual(before);
}

beforeAll(async () => {
  api = await startApi();
  mine = await api.organisation();
  theirs = await api.organisation();
  foreignId = await insertAgent(theirs);
  ownId = await insertAgent(mine);
});
afterAll(() => api?.close());

describe('a request without a valid credential', () => {
  it.each([...AGENT_ROUTES.map(([method, path]) => [method, `/v1/agents/${newId()}${path}`]), ['GET', '/v1/account']])(
    'is refused: %s %s',
    async (method, path) => {
      await refused(401, 'unauthorized', () => api.request(method ?? '', path ?? ''), /^Invalid or missing API key$/);
    },
  );

  it.each([
    ['an unknown key', `ak_live_${'0'.repeat(32)}`],
    ['a malformed key', 'letmein'],
    ['an empty key', ''],
  ])('is refused with %s', async (_case, apiKey) => {
    await refused(401, 'unauthorized', () => api.request('GET', '/v1/agents', { apiKey }));
  });

  it('is refused with a revoked key', async () => {
    const apiKey = await api.apiKey(mine);
    await api.db.database.query('UPDATE api_keys SET revoked_at = now() WHERE prefix = $1', [apiKey.slice(0, 16)]);
    await refused(401, 'unauthorized', () => api.request('GET', '/v1/agents', { apiKey }));
  });
});

describe('a key without the scope', () => {
  it.each(AGENT_ROUTES)('is refused: %s /v1/agents/:id%s', async (method, path) => {
    const apiKey = await api.apiKey(mine, ['swarms:read']);
    const body = bodyOf(method, path);
    await refused(403, 'forbidden', () => api.request(method, `/v1/agents/${ownId}${path}`, { apiKey, body }), /scope/);
  });

  it('may still see the account', async () => {
    const apiKey = await api.apiKey(mine, ['swarms:read']);
    expect((await api.request('GET', '/v1/account', { apiKey })).status).toBe(200);
  });

  it('reads but does not write with agents:read', async () => {
    const apiKey = await api.apiKey(mine, ['agents:read']);
    expect((await api.request('GET', '/v1/agents', { apiKey })).status).toBe(200);
    await refused(403, 'forbidden', () => api.request('DELETE', `/v1/agents/${ownId}`, { apiKey }));
  });
});

describe('an agent that is not there', () => {
  it.each(AGENT_ROUTES)('is 404 when it is of another organisation: %s /v1/agents/:id%s', async (method, path) => {
    const body = bodyOf(method, path);
    const apiKey = mine.apiKey;
    await refused(404, 'not_found', () => api.request(method, `/v1/agents/${foreignId}${path}`, { apiKey, body }));
  });

  it.each(AGENT_ROUTES)('is 404 when its id is unknown or none: %s /v1/agents/:id%s', async (method, path) => {
    for (const id of [newId(), 'x', "1' OR '1'='1"]) {
      const options = { apiKey: mine.apiKey, body: bodyOf(method, path) };
      await refused(404, 'not_found', () =>
        api.request(method, `/v1/agents/${encodeURIComponent(id)}${path}`, options),
      );
    }
  });
});

describe('creating an agent', () => {
  const good = { name: 'A', secrets: { openaiApiKey: 'sk-1' } };

  it.each<[string, object, RegExp]>([
    ['no name', { ...good, name: undefined }, /name/],
    ['a blank name', { ...good, name: ' ' }, /name/],
    ['a long name', { ...good, name: 'n'.repeat(101) }, /name/],
    ['an unknown region', { ...good, region: 'mars' }, /region/],
    ['no secrets', { name: 'A' }, /secrets/],
    ['no key of a model', { ...good, secrets: { telegramBotToken: '1:a' } }, /secrets/],
    ['secrets that are text', { ...good, secrets: 'sk-1' }, /secrets/],
    ['a wrong Anthropic key', { ...good, secrets: { anthropicApiKey: 'sk-1' } }, /secrets\.anthropicApiKey.*sk-ant-/],
    ['a wrong Slack bot token', { ...good, secrets: { ...good.secrets, slackBotToken: 'x' } }, /slackBotToken.*xoxb-/],
    ['a wrong Slack app token', { ...good, secrets: { ...good.secrets, slackAppToken: 'x' } }, /slackAppToken.*xapp-/],
    ['a number as key', { ...good, secrets: { openaiApiKey: 7 } }, /secrets\.openaiApiKey/],
    ['a config that is text', { ...good, config: 'fast' }, /config/],
    ['an unknown provider', { ...good, config: { llmProvider: 'acme' } }, /config\.llmProvider/],
    ['a wrong temperature', { ...good, config: { temperature: 9 } }, /config\.temperature/],
    ['a swarm that is no id', { ...good, swarmId: 'growth' }, /swarmId/],
  ])('refuses %s', async (_case, body, message) => {
    const options = { apiKey: mine.apiKey, body };
    await refused(400, 'validation_error', () => api.request('POST', '/v1/agents', options), message);
  });

  it('never repeats a secret it refused', async () => {
    const body = { ...good, secrets: { anthropicApiKey: 'canary-secret-value' } };
    const { body: answer } = await api.request('POST', '/v1/agents', { apiKey: mine.apiKey, body });
    expect(JSON.stringify(answer)).not.toContain('canary');
  });

  it.each<[string, unknown]>([
    ['malformed JSON', '{"name": '],
    ['a list', [good]],
    ['text', '"agent"'],
    ['nothing', undefined],
    ['a poisoned prototype', '{"name":"A","__proto__":{"isAdmin":true}}'],
  ])('refuses %s as body', async (_case, body) => {
    const headers = { 'content-type': 'application/json' };
    const options = { apiKey: mine.apiKey, body, headers };
    await refused(400, 'validation_error', () => api.request('POST', '/v1/agents', options));
  });

  it('refuses a body that is no JSON', async () => {
    const options = { apiKey: mine.apiKey, body: 'name=A', headers: { 'content-type': 'text/plain' } };
    await refused(415, 'unsupported_media_type', () => api.request('POST', '/v1/agents', options));
  });

  it('refuses a body over 1 MiB', async () => {
    const options = { apiKey: mine.apiKey, body: { ...good, soulMd: 'x'.repeat(1024 * 1024) } };
    await refused(413, 'payload_too_large', () => api.request('POST', '/v1/agents', options));
  });

  it('refuses a swarm that is unknown or of another organisation', async () => {
    const foreign = newId();
    await api.db.database.query(`INSERT INTO swarms (id, org_id, name, slug) VALUES ($1, $2, 'S', 's')`, [
      foreign,
      theirs.orgId,
    ]);
    for (const swarmId of [newId(), foreign]) {
      const options = { apiKey: mine.apiKey, body: { ...good, swarmId } };
      await refused(404, 'not_found', () => api.request('POST', '/v1/agents', options), /[Ss]warm/);
    }
  });

  it('says when no host has room', async () => {
    const options = { apiKey: mine.apiKey, body: good };
    await refused(503, 'no_capacity', () => api.request('POST', '/v1/agents', options));
    const { headers } = await api.request('POST', '/v1/agents', options);
    expect(headers.get('retry-after')).toMatch(/^\d+$/);
  });
});

describe('changing an agent', () => {
  it.each<[string, object, RegExp]>([
    ['nothing', {}, /at least one/],
    ['only unknown fields', { colour: 'red' }, /at least one/],
    ['a name of null', { name: null }, /name/],
    ['a config of null', { config: null }, /config/],
    ['an address that is none', { avatarUrl: 'javascript:alert(1)' }, /avatarUrl/],
    ['a wrong temperature', { config: { temperature: 'hot' } }, /temperature/],
    ['a swarm that is no id', { swarmId: 'growth' }, /swarmId/],
  ])('refuses %s', async (_case, body, message) => {
    const options = { apiKey: mine.apiKey, body };
    await refused(400, 'validation_error', () => api.request('PATCH', `/v1/agents/${ownId}`, options), message);
  });

  it('refuses an unknown swarm', async () => {
    const options = { apiKey: mine.apiKey, body: { swarmId: newId() } };
    await refused(404, 'not_found', () => api.request('PATCH', `/v1/agents/${ownId}`, options), /[Ss]warm/);
  });
});

describe('asking for lists and lines', () => {
  it.each([
    '/v1/agents?limit=0',
    '/v1/agents?limit=x',
    '/v1/agents?offset=-1',
    '/v1/agents?status=asleep',
    '/v1/agents?swarmId=x',
    '/v1/agents/:id/chat/messages?limit=0',
    '/v1/agents/:id/chat/messages?limit=many',
    '/v1/agents/:id/chat/messages?since=yesterday',
    '/v1/agents/:id/chat/messages?since=2026-02-30T00:00:00Z',
    '/v1/agents/:id/logs?tail=-1',
    '/v1/agents/:id/logs?tail=all',
    '/v1/agents/:id/logs/stream?tail=1.5',
  ])('refuses %s', async (path) => {
    const field = /[?&](\w+)=/.exec(path)?.[1] ?? '';
    const request = () => api.request('GET', path.replace(':id', ownId), { apiKey: mine.apiKey });
    await refused(400, 'validation_error', request, new RegExp(field));
  });
});

describe('sending a message', () => {
  it.each<[string, object, RegExp]>([
    ['no message', {}, /message/],
    ['an empty message', { message: '' }, /message/],
    ['a blank message', { message: ' \n ' }, /message/],
    ['a message over 32000 characters', { message: 'x'.repeat(32_001) }, /message/],
    ['a message that is a number', { message: 7 }, /message/],
    ['a session that is a number', { message: 'Hi', sessionId: 7 }, /sessionId/],
    ['an empty peer', { message: 'Hi', peerId: '' }, /peerId/],
    ['a list as context', { message: 'Hi', context: ['a'] }, /context/],
    ['a long text as context', { message: 'Hi', context: 'x'.repeat(2001) }, /context/],
    ['a context that is long once formatted', { message: 'Hi', context: { key: 'x'.repeat(1996) } }, /context/],
    ['an unknown onDisconnect', { message: 'Hi', onDisconnect: 'explode' }, /onDisconnect/],
  ])('refuses %s', async (_case, body, message) => {
    const path = `/v1/agents/${ownId}/chat/messages`;
    const request = () => api.request('POST', path, { apiKey: mine.apiKey, body });
    await refused(400, 'validation_error', request, message);
  });

  it('is refused while the agent does not run', async () => {
    const options = { apiKey: mine.apiKey, body: { message: 'Hi' } };
    const path = `/v1/agents/${ownId}/chat`;
    await refused(409, 'agent_not_running', () => api.request('POST', `${path}/messages`, options));
    await refused(409, 'agent_not_running', () => api.request('POST', `${path}/sessions`, { apiKey: mine.apiKey }));
  });
});

describe('unknown routes', () => {
  it.each([
    ['GET', '/v1/nothing'],
    ['GET', '/v1'],
    ['GET', '/v1/agents/x/y/z'],
    ['POST', '/v1/agents/x/chat'],
  ])('are 404 in the envelope: %s %s', async (method, path) => {
    await refused(404, 'not_found', () => api.request(method, path, { apiKey: mine.apiKey }));
  });

  it('is 405 where only the method is wrong', async () => {
    await refused(405, 'method_not_allowed', () => api.request('PUT', '/v1/agents', { apiKey: mine.apiKey }));
  });
});

describe('the rate limit', () => {
  let slow: ApiFixture;
  beforeAll(async () => {
    slow = await startApi({ limits: { ratePerMinute: 120, authPerMinute: 1_000 } });
  });
  afterAll(() => slow?.close());

  it('refuses the 121st request of a key in a minute and says when to come back', async () => {
    const { apiKey } = await slow.organisation();
    const other = await slow.organisation();
    for (let count = 1; count <= 120; count += 1) {
      const answer = await slow.request('GET', count % 2 ? '/v1/agents' : '/v1/nothing', { apiKey });
      expect([count, answer.headers.get('x-ratelimit-remaining')]).toEqual([count, String(120 - count)]);
    }
    const late = await slow.request('GET', '/v1/account', { apiKey });
    expect(late.status).toBe(429);
    expect(late.body).toEqual({ error: { code: 'rate_limited', message: expect.any(String) } });
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(late.headers.get('x-ratelimit-limit')).toBe('120');
    expect(Number(late.headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000 - 1);
    expect((await slow.request('GET', '/v1/account', { apiKey: other.apiKey })).status).toBe(200);
  });
});
