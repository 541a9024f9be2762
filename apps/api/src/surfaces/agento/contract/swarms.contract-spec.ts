import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { SecretsService } from '#libs/secrets';
import { type ApiFixture, startApi } from '../../../testing/api-fixture.js';
import { type AgentoClient, type Data, agentoClient, iso, uuid } from './agento-client.js';

const TABLES = ['swarms', 'swarm_members', 'agents', 'secrets', 'organisation_keys', 'events', 'outbox'];
const CANARY = 'canary-0123456789';

let api: ApiFixture;
let client: AgentoClient;
let stranger: AgentoClient;

const newClient = async (): Promise<AgentoClient> => agentoClient(api, await api.organisation(), TABLES);
const make = (fields: object = {}, on = client): Promise<Data> => on.data('POST', '/swarms', { name: 'S', ...fields });
const secretNames = (id: string): Promise<string[]> =>
  api.app.get(SecretsService, { strict: false }).names(client.org, { kind: 'swarm', id });

beforeAll(async () => {
  api = await startApi();
  client = await newClient();
  stranger = await newClient();
});
afterAll(() => api?.close());

describe('a swarm from creation to deletion', () => {
  let own: AgentoClient;
  let growth: Data;

  beforeAll(async () => {
    own = await newClient();
  });

  it('is created with the documented fields and counts of 0', async () => {
    const { status, body } = await own.call('POST', '/swarms', {
      name: 'Growth',
      description: 'Agents focused on growth initiatives.',
    });
    expect({ status, body }).toEqual({
      status: 201,
      body: {
        data: {
          id: uuid,
          name: 'Growth',
          slug: 'growth',
          description: 'Agents focused on growth initiatives.',
          icon: null,
          agentCount: 0,
          memberCount: 0,
          createdAt: iso,
          updatedAt: iso,
        },
      },
    });
    growth = (body as { data: Data }).data;
  });

  it('is listed without a pagination object', async () => {
    const second = await make({ name: 'Second', icon: '🚀' }, own);
    expect((await own.call('GET', '/swarms')).body).toEqual({ data: [second, growth] });
  });

  it('counts its agents and members, and shows the agents', async () => {
    const agent = await own.insertAgent({ swarmId: String(growth.id) });
    const other = await own.insertAgent({ status: 'stopped', swarmId: String(growth.id) });
    await own.insertAgent();
    await api.db.database.query(`UPDATE agents SET desired_state = 'deleted' WHERE id = $1`, [
      await own.insertAgent({ swarmId: String(growth.id) }),
    ]);
    await own.data('PUT', `/swarms/${growth.id}/members/${own.org.userId}`);
    const details = await own.data('GET', `/swarms/${growth.id}`);
    expect(details).toEqual({
      ...growth,
      agentCount: 2,
      memberCount: 1,
      agents: [
        { id: other, name: 'A', status: 'stopped', createdAt: iso },
        { id: agent, name: 'A', status: 'running', createdAt: iso },
      ],
    });
    const { agents: _agents, ...listed } = details;
    expect((await own.call('GET', '/swarms')).body).toMatchObject({ data: [{}, listed] });
  });

  it('is renamed and keeps its slug; updatedAt moves', async () => {
    const renamed = await own.data('PATCH', `/swarms/${growth.id}`, {
      name: 'Growth Team',
      description: 'All growth-related agents.',
      icon: '📈',
    });
    expect(renamed).toEqual({
      ...growth,
      name: 'Growth Team',
      description: 'All growth-related agents.',
      icon: '📈',
      agentCount: 2,
      memberCount: 1,
      updatedAt: iso,
    });
    expect(Date.parse(String(renamed.updatedAt))).toBeGreaterThan(Date.parse(String(growth.updatedAt)));
    const cleared = await own.data('PATCH', `/swarms/${growth.id}`, { description: null, icon: null });
    expect(cleared).toMatchObject({ name: 'Growth Team', slug: 'growth', description: null, icon: null });
    expect(await make({ name: 'Growth' }, own)).toMatchObject({ slug: 'growth-2' });
  });

  it('is deleted; its agents stay without one, and a running one is flagged', async () => {
    const { body } = await own.call('GET', `/agents?swarmId=${growth.id}`);
    const agents = (body as { data: Data[] }).data.map((agent) => String(agent.id));
    expect(agents).toHaveLength(2);
    const gone = await own.call('DELETE', `/swarms/${growth.id}`);
    expect({ status: gone.status, body: gone.body }).toEqual({
      status: 200,
      body: { data: { id: growth.id, deleted: true } },
    });
    const shown = await Promise.all(agents.map((id) => own.data('GET', `/agents/${id}`)));
    expect(shown).toMatchObject([
      { status: 'stopped', swarm: null, needsRestart: false },
      { status: 'running', swarm: null, needsRestart: true },
    ]);
    const events = await api.db.database.query('SELECT data FROM events WHERE thing_id = ANY($1)', [agents]);
    expect(events).toEqual(
      [0, 1].map(() => ({ data: { fields: ['swarmId'], cause: expect.stringMatching(/deleted/) } })),
    );
    await own.refused(404, 'not_found', ['GET', `/swarms/${growth.id}`]);
    await own.refused(404, 'not_found', ['PATCH', `/swarms/${growth.id}`, { name: 'x' }]);
    await own.refused(404, 'not_found', ['DELETE', `/swarms/${growth.id}`]);
  });
});

describe('slugs', () => {
  it('are unique in the account, however many are made at once, and free in another', async () => {
    const own = await newClient();
    const made = await Promise.all(Array.from({ length: 6 }, () => make({ name: 'Team A' }, own)));
    expect(made.map(({ slug }) => slug).sort()).toEqual([
      'team-a',
      'team-a-2',
      'team-a-3',
      'team-a-4',
      'team-a-5',
      'team-a-6',
    ]);
    expect(await make({ name: 'Team A' }, stranger)).toMatchObject({ slug: 'team-a' });
  });

  it('are words even for names without letters', async () => {
    expect(await make({ name: '🚀' })).toMatchObject({ name: '🚀', slug: 'swarm' });
  });
});

describe('creation', () => {
  it('makes one swarm of two requests with the same Idempotency-Key', async () => {
    const headers = { 'idempotency-key': newId() };
    const send = () =>
      api.request('POST', '/v1/swarms', { apiKey: client.org.apiKey, headers, body: { name: 'Once' } });
    const answers = await Promise.all([send(), send()]);
    expect(answers[1]?.body).toEqual(answers[0]?.body);
    expect(await send()).toMatchObject({ status: 201, body: answers[0]?.body });
  });

  it('is refused where the plan lacks the feature', async () => {
    const { OrganisationsService } = await import('#libs/identity');
    const organisations = api.app.get(OrganisationsService, { strict: false });
    const account = organisations.account.bind(organisations);
    organisations.account = async (scope) => ({ ...(await account(scope)), features: { api_access: true } });
    await client.refused(403, 'feature_not_available', ['POST', '/swarms', { name: 'x' }]);
    organisations.account = account;
  });

  it.each<[string, object, RegExp]>([
    ['no name', {}, /name/],
    ['an empty name', { name: '' }, /name/],
    ['a blank name', { name: ' ' }, /name/],
    ['a long name', { name: 'x'.repeat(101) }, /name/],
    ['a name that is a number', { name: 7 }, /name/],
    ['null for a name', { name: null }, /name/],
    ['NUL in the name', { name: 'a\0' }, /name.*control/],
    ['a description that is a number', { name: 'x', description: 7 }, /description/],
    ['a long description', { name: 'x', description: 'x'.repeat(2_001) }, /description/],
    ['NUL in the description', { name: 'x', description: '\0' }, /description.*control/],
    ['an icon that is a list', { name: 'x', icon: ['🚀'] }, /icon/],
    ['a long icon', { name: 'x', icon: 'x'.repeat(101) }, /icon/],
  ])('refuses %s', async (_case, body, message) => {
    await client.refused(400, 'validation_error', ['POST', '/swarms', body], message);
  });
});

describe('a change', () => {
  it.each<[string, object, RegExp]>([
    ['nothing', {}, /at least one/],
    ['an unknown field alone', { slug: 'mine' }, /at least one/],
    ['null for a name', { name: null }, /name/],
    ['a long name', { name: 'x'.repeat(101) }, /name/],
    ['a number', { description: 7 }, /description/],
    ['a long icon', { icon: 'x'.repeat(101) }, /icon/],
  ])('of %s is refused', async (_case, body, message) => {
    const { id } = await make();
    await client.refused(400, 'validation_error', ['PATCH', `/swarms/${id}`, body], message);
  });

  it('of different fields at once keeps both', async () => {
    const { id } = await make();
    await Promise.all([
      client.data('PATCH', `/swarms/${id}`, { description: 'mine' }),
      client.data('PATCH', `/swarms/${id}`, { icon: 'yours' }),
    ]);
    expect(await client.data('GET', `/swarms/${id}`)).toMatchObject({ description: 'mine', icon: 'yours' });
  });
});

describe("another account's swarm, and one that is none", () => {
  it('does not exist', async () => {
    const { id } = await make();
    const agent = await client.insertAgent({ swarmId: String(id) });
    const theirs = await stranger.insertAgent();
    for (const swarm of [id, newId(), 'nope', '%00']) {
      await stranger.refused(404, 'not_found', ['GET', `/swarms/${swarm}`], /Swarm/);
      await stranger.refused(404, 'not_found', ['PATCH', `/swarms/${swarm}`, { name: 'x' }], /Swarm/);
      await stranger.refused(404, 'not_found', ['DELETE', `/swarms/${swarm}`], /Swarm/);
      await stranger.refused(404, 'not_found', ['PUT', `/swarms/${swarm}/agents/${theirs}`], /Swarm/);
      await stranger.refused(404, 'not_found', ['DELETE', `/swarms/${swarm}/agents/${agent}`], /Swarm/);
      const secrets = { secrets: { openai_api_key: 'sk-1' } };
      await stranger.refused(404, 'not_found', ['PUT', `/swarms/${swarm}/secrets`, secrets], /Swarm/);
      await stranger.refused(404, 'not_found', ['PUT', `/swarms/${swarm}/members/${stranger.org.userId}`], /Swarm/);
    }
    await stranger.refused(404, 'not_found', ['PATCH', `/agents/${theirs}`, { swarmId: id }], /Swarm/);
    expect((await stranger.call('GET', '/swarms')).body).not.toMatchObject({ data: [expect.objectContaining({ id })] });
  });
});

describe('agents', () => {
  it('join, change over and leave from either side', async () => {
    const [one, two] = [String((await make()).id), String((await make()).id)];
    const agent = await client.insertAgent();
    const counts = async (): Promise<unknown[]> =>
      Promise.all([one, two].map(async (id) => (await client.data('GET', `/swarms/${id}`)).agentCount));

    const joined = await client.data('PUT', `/swarms/${one}/agents/${agent}`);
    expect(joined).toMatchObject({ id: one, agentCount: 1, agents: [{ id: agent }] });
    expect(await client.data('GET', `/agents/${agent}`)).toMatchObject({ swarm: { id: one }, needsRestart: true });
    await client.data('PATCH', `/agents/${agent}`, { swarmId: two });
    expect(await counts()).toEqual([0, 1]);
    await client.refused(404, 'not_found', ['DELETE', `/swarms/${one}/agents/${agent}`], /Agent/);
    expect(await client.data('DELETE', `/swarms/${two}/agents/${agent}`)).toMatchObject({ agentCount: 0, agents: [] });
    expect(await client.data('GET', `/agents/${agent}`)).toMatchObject({ swarm: null });
    await client.data('PUT', `/swarms/${two}/agents/${agent}`);
    await client.data('PATCH', `/agents/${agent}`, { swarmId: null });
    expect(await counts()).toEqual([0, 0]);
    for (const unknown of [newId(), 'nope', await stranger.insertAgent()]) {
      await client.refused(404, 'not_found', ['PUT', `/swarms/${one}/agents/${unknown}`], /Agent/);
      await client.refused(404, 'not_found', ['DELETE', `/swarms/${one}/agents/${unknown}`], /Agent/);
    }
  });

  it('that join while the swarm is deleted either leave it again or find none', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id } = await make();
      const agents = await Promise.all(Array.from({ length: 4 }, () => client.insertAgent()));
      const joining = agents.map((agent) => client.call('PATCH', `/agents/${agent}`, { swarmId: id }));
      const [gone, ...answers] = await Promise.all([client.call('DELETE', `/swarms/${id}`), ...joining]);
      expect(gone.status).toBe(200);
      for (const [index, { status }] of answers.entries()) {
        expect([200, 404]).toContain(status);
        expect(await client.data('GET', `/agents/${agents[index]}`)).toMatchObject({
          swarm: null,
          needsRestart: status === 200,
        });
      }
    }
  });
});

describe('members', () => {
  it('are users of the account, each once', async () => {
    const { id } = await make();
    const { userId } = client.org;
    await client.call('PUT', `/swarms/${id}/members/${userId}`);
    const { body } = await client.call('PUT', `/swarms/${id}/members/${userId}`);
    expect(body).toEqual({ data: [{ userId, name: 'Test User', addedAt: iso }] });
    expect((await client.call('GET', `/swarms/${id}/members`)).body).toEqual(body);
    for (const other of [stranger.org.userId, newId(), 'nope']) {
      await client.refused(404, 'not_found', ['PUT', `/swarms/${id}/members/${other}`], /User/);
      await client.refused(404, 'not_found', ['DELETE', `/swarms/${id}/members/${other}`], /Member/);
    }
    expect((await client.call('DELETE', `/swarms/${id}/members/${userId}`)).body).toEqual({ data: [] });
    expect(await client.data('GET', `/swarms/${id}`)).toMatchObject({ memberCount: 0 });
  });
});

describe('the credentials of a swarm', () => {
  const keyOf = (agentId: string, swarmId: string | null) =>
    api.app.get(SecretsService, { strict: false }).providerKey({ orgId: client.org.orgId, agentId, swarmId }, 'openai');

  it("are its agents', unless they have their own, and go with it at once", async () => {
    const id = String((await make()).id);
    const agent = await client.insertAgent({ swarmId: id });
    const stored = await client.data('PUT', `/swarms/${id}/secrets`, { secrets: { openaiApiKey: `sk-${CANARY}` } });
    expect(stored).toEqual({ updated: true, secrets: ['openai_api_key'] });
    expect(JSON.stringify(await client.data('GET', `/swarms/${id}`))).not.toContain(CANARY);
    expect(await keyOf(agent, id)).toBe(`sk-${CANARY}`);
    await client.data('PUT', `/agents/${agent}/secrets`, { secrets: { openai_api_key: 'sk-own' } });
    expect(await keyOf(agent, id)).toBe('sk-own');
    await client.data('PUT', `/agents/${agent}/secrets`, { deleteSecrets: ['openai_api_key'] });
    expect(await keyOf(agent, id)).toBe(`sk-${CANARY}`);
    await client.data('DELETE', `/swarms/${id}`);
    expect(await secretNames(id)).toEqual([]);
    expect([await keyOf(agent, id), await keyOf(agent, null)]).toEqual([undefined, undefined]);
  });

  it('are replaced and deleted by name', async () => {
    const { id } = await make();
    const path = `/swarms/${id}/secrets`;
    await client.data('PUT', path, { secrets: { openai_api_key: 'sk-1', google_api_key: 'AIza' } });
    const changed = { secrets: { anthropic_api_key: 'sk-ant-1' }, deleteSecrets: ['googleApiKey'] };
    expect(await client.data('PUT', path, changed)).toEqual({
      updated: true,
      secrets: ['anthropic_api_key', 'openai_api_key'],
    });
    await client.refused(400, 'validation_error', ['PUT', path, {}]);
    const wrong = { secrets: { anthropic_api_key: CANARY } };
    const answer = await client.refused(400, 'validation_error', ['PUT', path, wrong], /sk-ant-/);
    expect(JSON.stringify(answer.body)).not.toContain(CANARY);
    const both = { secrets: { openai_api_key: 'sk-2' }, deleteSecrets: ['openai_api_key'] };
    await client.refused(400, 'validation_error', ['PUT', path, both], /at once/);
  });

  it('spare an agent that joins at its creation a key of its own', async () => {
    const { id } = await make();
    const create = ['POST', '/agents', { name: 'A', swarmId: id }] as const;
    await client.refused(400, 'validation_error', create, /at least one of/);
    await client.data('PUT', `/swarms/${id}/secrets`, { secrets: { openai_api_key: 'sk-1' } });
    // There is no host in this suite: being refused a place means that all that was asked for is right.
    await client.refused(503, 'no_capacity', create);
  });
});
