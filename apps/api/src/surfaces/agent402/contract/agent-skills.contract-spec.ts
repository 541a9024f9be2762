import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { eventually } from '#libs/testing';
import { memberToken, ownerToken } from '../../../http/contract/walk-world.js';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';
import { type SkillHost, startSkillHost } from '../../../testing/skill-host.js';

const text = expect.any(String);
const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);
const SKILL = `---\nname: caller\ndescription: Calls.\npermissions:\n  network: [api.a.dev]\n---\n\nIt calls.`;

let api: ApiFixture;
let host: SkillHost;
let org: ApiOrganisation;
let token: string;

beforeAll(async () => {
  api = await startApi();
  host = await startSkillHost(api);
  org = await api.organisation();
  token = await ownerToken(api, org);
  await api.request('POST', '/v1/skills', { apiKey: org.apiKey, body: { files: { 'SKILL.md': SKILL } } });
}, 60_000);
afterAll(async () => {
  await host?.close();
  await api?.close();
});

const rows = <T>(sql: string, ...values: unknown[]): Promise<T[]> => api.db.database.query<T>(sql, values);

async function insertAgent(): Promise<string> {
  const id = newId();
  await rows(
    `INSERT INTO agents (id, org_id, name, region, image, status, host_id)
     VALUES ($1, $2, 'Ada', 'eu', 'x', 'running', $3)`,
    ...[id, org.orgId, host.id],
  );
  return id;
}

const call = (method: string, agent: string, path = '', body?: unknown, as = token): Promise<ApiAnswer> =>
  api.request(method, `/api/v1/agents/${agent}/skills${path}`, {
    token: as,
    ...(body === undefined ? {} : { body }),
  });

async function refused(answer: Promise<ApiAnswer>, status: number, detail: unknown = text): Promise<void> {
  const { status: given, body } = await answer;
  expect([given, body]).toEqual([status, { detail, request_id: uuid }]);
}
const wrongField = (...loc: string[]): unknown => expect.arrayContaining([{ loc, msg: text, type: text }]);
const listed = async (agent: string): Promise<unknown> => (await call('GET', agent)).body;
const record = (agent: string, name: string, more: object = {}): object => ({
  ...{ id: text, agent_id: agent, skill_name: name, enabled: true, config: {}, has_credentials: false },
  ...{ created_at: iso, updated_at: iso, ...more },
});
const secretsOf = async (agent: string): Promise<string[]> =>
  (await rows<{ name: string }>('SELECT name FROM secrets WHERE owner_id = $1 ORDER BY name', agent)).map(
    ({ name }) => name,
  );
const approved = async (agent: string): Promise<unknown[]> =>
  rows('SELECT host FROM agent_egress_hosts WHERE agent_id = $1', agent);
const generation = async (agent: string): Promise<number> =>
  (await rows<{ n: number }>('SELECT desired_generation::int AS n FROM agents WHERE id = $1', agent))[0]?.n ?? 0;

describe('POST /agents/{id}/skills', () => {
  it.each(['skill_name', 'name', 'skill'])(
    'attaches a tool named by %s, which the next instance has',
    async (field) => {
      const agent = await insertAgent();
      const before = await generation(agent);
      const { status, body } = await call('POST', agent, '', { [field]: 'prettier', config: { width: 80 } });
      expect([status, body]).toEqual([201, record(agent, 'prettier', { config: { width: 80 } })]);
      expect(await listed(agent)).toEqual({
        ...{ agent_id: agent, total_skills: 1, enabled_skills: 1, configured_skills: 1 },
        skills: [{ skill_name: 'prettier', enabled: true, has_credentials: false, config: { width: 80 } }],
      });
      expect(await generation(agent)).toBeGreaterThan(before);
    },
  );

  it('installs a skill of the catalogue', async () => {
    const agent = await insertAgent();
    const { status, body } = await call('POST', agent, '', { skill_name: 'caller' });
    expect([status, body]).toEqual([201, record(agent, 'caller')]);
    expect(await rows('SELECT is_enabled FROM agent_skills WHERE agent_id = $1', agent)).toEqual([
      { is_enabled: true },
    ]);
    expect(await approved(agent)).toEqual([{ host: 'api.a.dev' }]);
  });

  it('attaches what is not to be used yet', async () => {
    const agent = await insertAgent();
    await call('POST', agent, '', { skill_name: 'svgo', enabled: false });
    await call('POST', agent, '', { skill_name: 'caller', enabled: false });
    expect(await listed(agent)).toMatchObject({ total_skills: 2, enabled_skills: 0, configured_skills: 0 });
    expect(await approved(agent)).toEqual([]);
  });

  it('refuses what is attached already, unknown or foreign, and changes nothing', async () => {
    const agent = await insertAgent();
    await call('POST', agent, '', { skill_name: 'prettier' });
    const before = await listed(agent);
    const stranger = await ownerToken(api, await api.organisation());
    await refused(call('POST', agent, '', { skill_name: 'prettier' }), 409, expect.stringContaining('already'));
    await refused(call('POST', agent, '', { skill_name: 'no-such-thing' }), 404, 'Skill not found');
    await refused(call('POST', newId(), '', { skill_name: 'svgo' }), 404, 'Agent not found');
    await refused(call('POST', 'nope', '', { skill_name: 'svgo' }), 404);
    await refused(call('POST', agent, '', { skill_name: 'svgo' }, stranger), 403);
    await refused(api.request('POST', `/api/v1/agents/${agent}/skills`, { body: { skill_name: 'svgo' } }), 401);
    expect(await listed(agent)).toEqual(before);
  });

  it.each<[string, object, string]>([
    ['no name', {}, 'skill_name'],
    ['an empty name', { skill_name: ' ' }, 'skill_name'],
    ['a name that is none', { skill_name: 7 }, 'skill_name'],
    ['a config that is too deep', { skill_name: 'svgo', config: { a: { b: { c: { d: { e: 1 } } } } } }, 'config'],
    ['a switch that is none', { skill_name: 'svgo', enabled: 'maybe' }, 'enabled'],
  ])('refuses %s', async (_what, body, field) => {
    const agent = await insertAgent();
    await refused(call('POST', agent, '', body), 422, wrongField('body', field));
    expect(await listed(agent)).toMatchObject({ total_skills: 0 });
  });

  it('refuses keys that reach prototypes', async () => {
    const agent = await insertAgent();
    const body = '{"skill_name":"svgo","config":{"__proto__":{"x":1}}}';
    const headers = { 'content-type': 'application/json' };
    const answer = await api.request('POST', `/api/v1/agents/${agent}/skills`, { token, body, headers });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await listed(agent)).toMatchObject({ total_skills: 0 });
  });
});

describe('POST /agents/{id}/skills/{name}/configure', () => {
  const credentials = {
    api_key: 'canary-key',
    refresh_token: 'canary-refresh',
    credentials: { Tenant_Id: 'canary-tenant' },
  };

  it('keeps credentials as secrets of the agent, and never shows them', async () => {
    const agent = await insertAgent();
    const { status, body } = await call('POST', agent, '/nano-pdf/configure', { ...credentials, config: { pages: 3 } });
    expect([status, body]).toEqual([200, record(agent, 'nano-pdf', { config: { pages: 3 }, has_credentials: true })]);
    expect(await secretsOf(agent)).toEqual([
      'mcp_nano_pdf__api_key',
      'mcp_nano_pdf__refresh_token',
      'mcp_nano_pdf__tenant_id',
    ]);
    expect(JSON.stringify([body, await listed(agent)])).not.toContain('canary');
    const dump = await rows(
      'SELECT to_jsonb(s)::text AS row FROM agent_skill_settings s UNION ALL SELECT to_jsonb(x)::text FROM secrets x',
    );
    expect(JSON.stringify(dump)).not.toContain('canary');
    expect(await listed(agent)).toMatchObject({ configured_skills: 1, skills: [{ has_credentials: true }] });
  });

  it('changes what is named, and leaves the rest', async () => {
    const agent = await insertAgent();
    await call('POST', agent, '/caller/configure', { ...credentials, config: { a: 1 } });
    expect(await approved(agent)).toHaveLength(1);
    expect((await call('POST', agent, '/caller/configure', { enabled: false })).body).toMatchObject({
      ...{ enabled: false, config: { a: 1 }, has_credentials: true },
    });
    expect(await approved(agent)).toEqual([]);
    expect((await call('POST', agent, '/caller/configure', { config: { b: 2 } })).body).toMatchObject({
      ...{ enabled: true, config: { b: 2 } },
    });
    expect(await approved(agent)).toHaveLength(1);
    expect(await secretsOf(agent)).toHaveLength(3);
  });

  it.each<[string, object]>([
    ['credentials that are no texts', { credentials: { key: 7 } }],
    ['credentials with control characters', { api_key: 'a\nb' }],
    ['credentials with a name that is none', { credentials: { 'a b': 'x' } }],
    ['empty credentials', { api_key: '' }],
    ['a key that is no text', { api_key: 7 }],
    ['a config that is a list', { config: [] }],
  ])('refuses %s, and changes nothing', async (_what, body) => {
    const agent = await insertAgent();
    const { status, body: answer } = await call('POST', agent, '/prettier/configure', body);
    expect([status, answer]).toEqual([422, { detail: expect.arrayContaining([expect.anything()]), request_id: uuid }]);
    expect(JSON.stringify(answer)).not.toContain('a\\nb');
    expect(await listed(agent)).toMatchObject({ total_skills: 0 });
    expect(await secretsOf(agent)).toEqual([]);
  });

  it('knows no unknown skill or agent, and is for owner and admins', async () => {
    const agent = await insertAgent();
    const member = await memberToken(api, org.orgId, 'MEMBER');
    const stranger = await ownerToken(api, await api.organisation());
    await refused(call('POST', agent, '/no-such-thing/configure', {}), 404, 'Skill not found');
    await refused(call('POST', newId(), '/prettier/configure', {}), 404, 'Agent not found');
    await refused(call('POST', agent, '/prettier/configure', {}, stranger), 403);
    await refused(call('POST', agent, '/prettier/configure', {}, member), 403);
    await refused(call('POST', agent, '', { skill_name: 'prettier' }, member), 403);
    expect(await listed(agent)).toMatchObject({ total_skills: 0 });
  });
});

describe('DELETE /agents/{id}/skills/{name}', () => {
  it.each(['prettier', 'caller'])('detaches %s with its credentials', async (name) => {
    const agent = await insertAgent();
    await call('POST', agent, `/${name}/configure`, { api_key: 'canary-key' });
    await call('POST', agent, '/nano-pdf/configure', { api_key: 'canary-key' });
    expect((await call('DELETE', agent, `/${name}`)).status).toBe(204);
    expect(await listed(agent)).toMatchObject({ total_skills: 1, skills: [{ skill_name: 'nano-pdf' }] });
    expect(await secretsOf(agent)).toEqual(['mcp_nano_pdf__api_key']);
    await refused(call('DELETE', agent, `/${name}`), 404);
  });

  it('refuses strangers and unknown agents', async () => {
    const agent = await insertAgent();
    await call('POST', agent, '', { skill_name: 'prettier' });
    const stranger = await ownerToken(api, await api.organisation());
    await refused(call('DELETE', agent, '/prettier', undefined, stranger), 403);
    await refused(call('DELETE', newId(), '/prettier'), 404, 'Agent not found');
    expect(await listed(agent)).toMatchObject({ total_skills: 1 });
  });
});

describe('GET /agents/{id}/skills', () => {
  it('shows skills that came by another way, and no agents of others', async () => {
    const agent = await insertAgent();
    const body = { skillId: 'caller', trustLevel: 'custom' };
    await api.request('POST', `/v1/agents/${agent}/skills`, { apiKey: org.apiKey, body });
    await eventually(async () => JSON.stringify(await listed(agent)).includes('"enabled":true'));
    expect(await listed(agent)).toMatchObject({ total_skills: 1, skills: [{ skill_name: 'caller', config: {} }] });
    const stranger = await ownerToken(api, await api.organisation());
    await refused(call('GET', agent, '', undefined, stranger), 403);
    await refused(call('GET', newId()), 404, 'Agent not found');
  });
});
