import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AgentsService } from '#libs/agents';
import { SecretsService, SERVICES, type ServiceName } from '#libs/secrets';
import { SessionsService } from '#libs/identity';
import { type Role, newId } from '#libs/kernel';
import { testOrganisation } from '#libs/testing';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';

const GOOD = 'good-0123456789abcdef-1234';
const SK_ANT = 'sk-ant-api03-0123456789-1234';
const SK = 'sk-0123456789abcdef-1234';
const KEY_OF: Partial<Record<ServiceName, string>> = { anthropic: SK_ANT, openai: SK };
const keyOf = (service: ServiceName): string => KEY_OF[service] ?? GOOD;

/** What each service answers to whoever is known. */
const ANSWERS: Readonly<Record<ServiceName, object>> = {
  anthropic: { data: [], has_more: false },
  openai: { object: 'list', data: [] },
  cohere: { models: [] },
  huggingface: { type: 'user', name: 'ada' },
  google: { models: [] },
  groq: { object: 'list', data: [] },
  mistral: { object: 'list', data: [] },
  ollama: { models: [] },
};
const PATHS: Partial<Record<ServiceName, string>> = { huggingface: 'whoami-v2', ollama: 'tags' };

type Behaviour = 'normal' | 'hang' | 'garbage' | 'broken' | 'redirect';

/** All services on one port, each under its name, speaking as their references say. */
class LocalServices {
  behaviour: Behaviour = 'normal';
  readonly seen: { readonly path: string; readonly method: string; readonly headers: IncomingMessage['headers'] }[] =
    [];
  private readonly server: Server = createServer((req, res) => this.answer(req, res));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private answer(req: IncomingMessage, res: ServerResponse): void {
    const path = req.url ?? '';
    this.seen.push({ path, method: req.method ?? '', headers: req.headers });
    const service = path.split('/')[1] as ServiceName;
    const json = (status: number, body: unknown): unknown =>
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (this.behaviour === 'hang') return;
    if (this.behaviour === 'garbage')
      return void res.writeHead(200, { 'content-type': 'text/html' }).end('<html>hello');
    if (this.behaviour === 'broken') return void json(500, { error: 'down' });
    if (this.behaviour === 'redirect') return void res.writeHead(302, { location: '/elsewhere/models' }).end();
    if (path !== `/${service}/${PATHS[service] ?? 'models'}`) return void json(404, {});
    const given = credentialOf(service, req);
    if (given === keyOf(service)) return void json(200, ANSWERS[service]);
    if (service === 'google') return void json(400, { error: { code: 400, details: [{ reason: 'API_KEY_INVALID' }] } });
    json(401, { error: { message: 'invalid key' } });
  }
}

function credentialOf(service: ServiceName, req: IncomingMessage): unknown {
  if (service === 'anthropic') return req.headers['anthropic-version'] ? req.headers['x-api-key'] : undefined;
  if (service === 'google') return req.headers['x-goog-api-key'];
  return req.headers.authorization?.replace('Bearer ', '');
}

const services = new LocalServices();
let api: ApiFixture;
let organisation: ApiOrganisation;
let owner: string;

beforeAll(async () => {
  const base = await services.start();
  const baseUrls = Object.fromEntries(SERVICES.map((name) => [name, `${base}/${name}`])) as Record<ServiceName, string>;
  api = await startApi({ services: { baseUrls, timeoutMs: 400 } });
}, 60_000);
beforeEach(async () => {
  services.behaviour = 'normal';
  services.seen.length = 0;
  organisation = await api.organisation();
  owner = await tokenOf(organisation);
});
afterAll(async () => {
  await api?.close();
  services.stop();
});

const tokenOf = async ({ orgId, userId }: { orgId: string; userId: string }): Promise<string> => {
  const sessions = api.app.get(SessionsService, { strict: false });
  const holder = { orgId, userId, email: `${userId}@example.test` };
  return (await api.db.database.transaction((tx) => sessions.open(tx, holder))).accessToken;
};
const call = (method: string, path: string, body?: unknown, token = owner): Promise<ApiAnswer> =>
  api.request(method, `/api/v1${path}`, { token, ...(body === undefined ? {} : { body }) });
const add = (changes: object = {}, token = owner): Promise<ApiAnswer> =>
  call(
    'POST',
    '/settings/api-keys',
    { workspace_id: organisation.orgId, provider: 'openai', api_key: SK, ...changes },
    token,
  );
const refusal = (answer: ApiAnswer) => [answer.status, (answer.body as { detail: unknown }).detail];
const fieldOf = ({ status, body }: ApiAnswer) => [status, (body as { detail: { loc: unknown[] }[] }).detail[0]?.loc];
const listed = async (path = '/settings/api-keys', token = owner): Promise<Record<string, unknown>[]> =>
  (await call('GET', path, undefined, token)).body as Record<string, unknown>[];
/** What an agent of the organisation would call with. */
const brokerKey = (provider: 'openai' | 'anthropic' | 'google') =>
  api.app
    .get(SecretsService, { strict: false })
    .providerKey({ orgId: organisation.orgId, agentId: newId(), swarmId: null }, provider);
const id = expect.stringMatching(/^[0-9a-f-]{36}$/);
const time = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/);

describe('/api-keys', () => {
  it('stores a key for a service, replaces it, and lists it masked', async () => {
    const shown = {
      id,
      service_name: 'anthropic',
      masked_key: 'sk-ant-***…1234',
      created_at: time,
      updated_at: time,
      is_active: true,
    };
    const made = await call('POST', '/api-keys/anthropic', { api_key: SK_ANT });
    expect([made.status, made.body]).toEqual([201, shown]);
    expect(await brokerKey('anthropic')).toBe(SK_ANT);
    const again = await call('POST', '/api-keys', { service_name: 'anthropic', api_key: `${SK_ANT}-5678` });
    expect([again.status, again.body]).toEqual([
      200,
      { ...shown, id: (made.body as { id: string }).id, masked_key: 'sk-ant-***…5678' },
    ]);
    expect(await brokerKey('anthropic')).toBe(`${SK_ANT}-5678`);
    expect(await listed('/api-keys')).toEqual([{ ...shown, masked_key: 'sk-ant-***…5678' }]);
    expect(services.seen).toEqual([]);
  });

  it('hides a short key altogether and stores none readable', async () => {
    const made = await call('POST', '/api-keys/cohere', { api_key: '  canary12345  ' });
    expect((made.body as { masked_key: string }).masked_key).toBe('********');
    const rows = await api.db.database.query(
      `SELECT to_jsonb(s)::text FROM secrets s UNION ALL SELECT to_jsonb(k)::text FROM service_keys k
       UNION ALL SELECT to_jsonb(e)::text FROM audit_events e`,
    );
    expect(JSON.stringify(rows)).not.toContain('canary12345');
  });

  it.each([
    ['POST', '/api-keys/groq', { api_key: GOOD }, ['path', 'service']],
    ['POST', '/api-keys', { service_name: 'groq', api_key: GOOD }, ['body', 'service_name']],
    ['POST', '/api-keys', { api_key: GOOD }, ['body', 'service_name']],
    ['POST', '/api-keys/openai', {}, ['body', 'api_key']],
    ['POST', '/api-keys/openai', { api_key: '   ' }, ['body', 'api_key']],
    ['POST', '/api-keys/openai', { api_key: 7 }, ['body', 'api_key']],
    ['POST', '/api-keys/nothing/verify', undefined, ['path', 'service']],
  ])('refuses %s %s %j', async (method, path, body, loc) => {
    expect(fieldOf(await call(method, path, body))).toEqual([422, loc]);
    expect(await listed()).toEqual([]);
  });

  it('refuses a key that can’t be one of the service, without saying it', async () => {
    const answer = await call('POST', '/api-keys/anthropic', { api_key: 'canary-without-prefix' });
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body)).not.toContain('canary');
  });

  it.each(['POST', 'GET'])('verifies a stored key with %s', async (method) => {
    const verify = (service: string) => call(method, `/api-keys/${service}/verify`);
    expect(refusal(await verify('openai'))).toEqual([404, 'API key for openai not found']);
    await call('POST', '/api-keys/openai', { api_key: SK });
    const good = await verify('openai');
    const accepted = { service_name: 'openai', is_valid: true, message: 'OpenAI accepts this key' };
    expect([good.status, good.body]).toEqual([200, accepted]);
    const [key] = await listed();
    expect(key).toMatchObject({ is_active: true, last_validated_at: time });
    await call('POST', '/api-keys/openai', { api_key: `${SK}-wrong` });
    expect((await listed())[0]).toMatchObject({ is_active: true, last_validated_at: null });
    const bad = await verify('openai');
    expect(bad.body).toEqual({ service_name: 'openai', is_valid: false, message: 'OpenAI does not accept this key' });
    expect((await listed('/api-keys'))[0]).toMatchObject({ is_active: false });
  });

  it.each(['hang', 'garbage', 'broken', 'redirect'] as Behaviour[])(
    'says that nothing is known when the service answers: %s',
    async (behaviour) => {
      await call('POST', '/api-keys/openai', { api_key: SK });
      await call('POST', '/api-keys/openai/verify');
      const [before] = await listed();
      services.behaviour = behaviour;
      const { status, body } = await call('POST', '/api-keys/openai/verify');
      const message = expect.stringMatching(/cannot be reached just now|did not say whether/);
      expect([status, body]).toEqual([200, { service_name: 'openai', is_valid: false, message }]);
      expect(await listed()).toEqual([before]);
      expect(services.seen.filter(({ path }) => path.startsWith('/elsewhere'))).toEqual([]);
    },
  );
});

describe('/settings/api-keys', () => {
  it('adds a key, lists it and removes it, with every field of the document', async () => {
    const made = await add();
    const shown = {
      id,
      provider: 'openai',
      masked_key: 'sk-***…1234',
      is_active: true,
      last_validated_at: null,
      created_at: time,
    };
    const more = { workspace_id: organisation.orgId, updated_at: time };
    expect([made.status, made.body]).toEqual([201, { ...shown, ...more }]);
    expect(await listed(`/settings/api-keys?workspace_id=${organisation.orgId}`)).toEqual([shown]);
    expect(await brokerKey('openai')).toBe(SK);
    const { id: keyId } = made.body as { id: string };
    const gone = await call('DELETE', `/settings/api-keys/${keyId}`);
    expect([gone.status, gone.body]).toEqual([200, { success: true, message: 'API key deleted', deleted_id: keyId }]);
    expect([await listed(), await brokerKey('openai')]).toEqual([[], undefined]);
    expect(refusal(await call('DELETE', `/settings/api-keys/${keyId}`))).toEqual([404, 'API key not found']);
    expect((await call('DELETE', '/settings/api-keys/x')).status).toBe(404);
  });

  it('refuses a second key of a provider, also when both come at once', async () => {
    const answers = await Promise.all([add(), add({ api_key: `${SK}-other` }), add({ api_key: `${SK}-third` })]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400]);
    expect(refusal(await add())).toEqual([400, 'There is a key for openai already; delete it first']);
    const [key] = await listed();
    expect((await brokerKey('openai'))!.slice(-4)).toBe(String(key!.masked_key).slice(-4));
  });

  it.each(SERVICES.map((name) => [name]))('asks %s first when it is to validate', async (provider) => {
    const good = await add({ provider, api_key: keyOf(provider), validate: true });
    expect([good.status, (good.body as { last_validated_at: unknown }).last_validated_at]).toEqual([201, time]);
    const [request] = services.seen;
    expect([request!.method, request!.path]).toEqual(['GET', `/${provider}/${PATHS[provider] ?? 'models'}`]);
  });

  it('stores nothing that the provider refuses or does not answer for', async () => {
    const wrong = { provider: 'mistral', api_key: 'canary-0123456789abcdef', validate: true };
    expect(refusal(await add(wrong))).toEqual([400, 'Mistral does not accept this key']);
    services.behaviour = 'hang';
    expect(refusal(await add(wrong))).toEqual([400, 'Mistral cannot be reached just now']);
    expect(await listed()).toEqual([]);
  });

  it.each([
    [{ workspace_id: 'your-workspace-id' }, ['body', 'workspace_id']],
    [{ provider: 'nobody' }, ['body', 'provider']],
    [{ api_key: ' ' }, ['body', 'api_key']],
    [{ validate: 'yes' }, ['body', 'validate']],
  ])('refuses %j', async (changes, loc) => {
    expect(fieldOf(await add(changes))).toEqual([422, loc]);
    expect(await listed()).toEqual([]);
  });

  it('keeps workspaces apart', async () => {
    const other = await api.organisation();
    const token = await tokenOf(other);
    const made = await add();
    const { id: keyId } = made.body as { id: string };
    expect(refusal(await add({}, token))).toEqual([403, 'This workspace is not yours']);
    const query = `?workspace_id=${organisation.orgId}`;
    expect((await call('GET', `/settings/api-keys${query}`, undefined, token)).status).toBe(403);
    expect((await call('DELETE', `/settings/api-keys/${keyId}`, undefined, token)).status).toBe(404);
    expect([await listed('/settings/api-keys', token), (await listed()).length]).toEqual([[], 1]);
  });
});

describe('POST /settings/api-keys/test', () => {
  const test = (provider: string, api_key: string) => call('POST', '/settings/api-keys/test', { provider, api_key });

  it.each(SERVICES.map((name) => [name]))('says what %s says of a key, and stores nothing', async (provider) => {
    const good = await test(provider, keyOf(provider));
    expect([good.status, good.body]).toEqual([
      200,
      { provider, is_valid: true, message: expect.stringContaining('accepts this key') },
    ]);
    const bad = await test(provider, 'canary-0123456789');
    expect(bad.body).toEqual({ provider, is_valid: false, message: expect.stringContaining('does not accept') });
    expect(await listed()).toEqual([]);
    const rows = await api.db.database.query('SELECT 1 FROM secrets WHERE org_id = $1', [organisation.orgId]);
    expect(rows).toEqual([]);
  });

  it('refuses what it does not know', async () => {
    expect(fieldOf(await test('nobody', GOOD))).toEqual([422, ['body', 'provider']]);
    expect(fieldOf(await test('openai', ''))).toEqual([422, ['body', 'api_key']]);
  });
});

describe('service keys', () => {
  const routes = [
    ['POST', '/api-keys', { service_name: 'openai', api_key: SK }],
    ['POST', '/api-keys/openai', { api_key: SK }],
    ['POST', '/api-keys/openai/verify', undefined],
    ['GET', '/api-keys/openai/verify', undefined],
    ['POST', '/settings/api-keys', {}],
    ['POST', '/settings/api-keys/test', { provider: 'openai', api_key: SK }],
    ['DELETE', `/settings/api-keys/${newId()}`, undefined],
  ] as const;

  it.each(['MEMBER', 'VIEWER'] as Role[])('are shown to a %s, who changes none', async (role) => {
    const token = await tokenOf(await testOrganisation(api.db.database, { orgId: organisation.orgId, role }));
    await add();
    expect((await listed('/settings/api-keys', token)).length).toBe(1);
    expect((await listed('/api-keys', token)).length).toBe(1);
    for (const [method, path, body] of routes) {
      const answer = await call(method, path, body, token);
      expect([path, ...refusal(answer)]).toEqual([path, 403, 'This route needs the role ADMIN']);
    }
    expect(services.seen).toEqual([]);
  });

  it('are for users alone', async () => {
    const { apiKey } = organisation;
    expect((await api.request('GET', '/api/v1/api-keys', { apiKey })).status).toBe(403);
    expect((await api.request('GET', '/api/v1/settings/api-keys')).status).toBe(401);
  });

  it('let agents be made that have no key of their own', async () => {
    await api.db.database.query(
      `INSERT INTO hosts (id, runtime, capacity_agents) VALUES ('h', 'process', 9) ON CONFLICT DO NOTHING`,
    );
    const agents = api.app.get(AgentsService, { strict: false });
    const make = () => agents.create(organisation.caller, { name: 'Ada', secrets: {} });
    await expect(make()).rejects.toMatchObject({ kind: 'validation' });
    await add();
    expect(await make()).toMatchObject({ name: 'Ada', status: 'provisioning' });
  });
});
