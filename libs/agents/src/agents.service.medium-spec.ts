import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, scopesOfRole } from '#libs/kernel';
import { type TestDatabase, type TestOrganisation, testDatabase, testOrganisation } from '#libs/testing';
import { type AgentsFixture, agentsFixture, demoAgent } from './testing/agents-fixture.js';
import type { CreateAgent } from './agent.js';

describe('AgentsService', () => {
  let db: TestDatabase;
  let org: TestOrganisation;
  let foreign: TestOrganisation;
  let at: AgentsFixture;

  beforeAll(async () => {
    db = await testDatabase();
    at = await agentsFixture(db);
    org = await testOrganisation(db.database);
    foreign = await testOrganisation(db.database);
  });
  afterAll(async () => {
    await at.close();
    await db.close();
  });

  const count = async (table: string): Promise<number> => {
    const [row] = await db.database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
    return row!.n;
  };
  const counts = () => Promise.all(['agents', 'agent_files', 'secrets', 'events'].map(count));

  it('writes row, secrets, files, event and ring together', async () => {
    const agent = await at.agents.create(org.caller, {
      name: '  Ada ',
      secrets: { openai_api_key: 'sk-1' },
      soulMd: 'soul',
      config: { custom: 1 },
    });
    expect(agent).toMatchObject({ name: 'Ada', status: 'provisioning', region: 'eu', config: { custom: 1 } });
    expect((await at.agents.get(org.caller, agent.id)).workflowMd).toContain('Workflow');
    const why = await at.agents.why(org.caller, agent.id);
    expect(why.transitions).toMatchObject([{ from: null, to: 'provisioning', seq: 1 }]);
    expect(why.host).toMatchObject({ id: at.session.id, alive: true });
    const dump = await db.database.query('SELECT * FROM secrets');
    expect(JSON.stringify(dump)).not.toContain('sk-1');
  });

  it.each<[string, Partial<CreateAgent>, string]>([
    ['an empty name', { name: '  ' }, 'validation'],
    ['a long name', { name: 'x'.repeat(256) }, 'validation'],
    ['a name with control characters', { name: 'a\nb' }, 'validation'],
    ['an unknown region', { region: 'mars' as 'eu' }, 'validation'],
    ['no key of any provider', { config: {}, secrets: { telegram_bot_token: '1:a' } }, 'validation'],
    ['a wrong prefix', { secrets: { anthropic_api_key: 'sk-1' } }, 'validation'],
    ['a wrong config', { config: { llmProvider: 'demo', temperature: 3 } }, 'validation'],
    ['a soul that is too long', { soulMd: 'x'.repeat(100_001) }, 'validation'],
    ['a persona that is too long', { persona: 'x'.repeat(5_001) }, 'validation'],
    ['an unknown swarm', { swarmId: newId() }, 'not_found'],
    ['a swarm id that is none', { swarmId: 'nope' }, 'not_found'],
    ['an unknown runtime', { runtime: 'other' as never }, 'validation'],
  ])('refuses %s and keeps nothing', async (_what, input, kind) => {
    const before = await counts();
    await expect(at.agents.create(org.caller, demoAgent(input))).rejects.toMatchObject({ kind });
    expect(await counts()).toEqual(before);
  });

  it('refuses who may not', async () => {
    const viewer = { ...org.caller, role: 'VIEWER' as const, scopes: scopesOfRole('VIEWER') };
    await expect(at.agents.create(viewer, demoAgent())).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(at.agents.list({ ...viewer, scopes: [] })).rejects.toMatchObject({ kind: 'forbidden' });
  });

  it('counts the plan limit without a race', async () => {
    const limited = await testOrganisation(db.database);
    const [plan] = await db.database.query<{ plan: string }>('SELECT plan FROM organisations WHERE id = $1', [
      limited.orgId,
    ]);
    expect(plan).toBeDefined();
    const { OrganisationsService } = await import('#libs/identity');
    const organisations = at.app.get(OrganisationsService, { strict: false });
    const account = await organisations.account(limited);
    const original = organisations.account.bind(organisations);
    organisations.account = (scope) =>
      scope.orgId === limited.orgId
        ? Promise.resolve({ ...account, limits: { ...account.limits, maxAgents: 2 } })
        : original(scope);
    const answers = await Promise.allSettled(
      Array.from({ length: 6 }, () => at.agents.create(limited.caller, demoAgent())),
    );
    organisations.account = original;
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    const refused = answers.find((answer): answer is PromiseRejectedResult => answer.status === 'rejected');
    expect(refused?.reason).toMatchObject({ kind: 'plan_limit', code: 'plan_limit_reached', details: { limit: 2 } });
    expect(await at.agents.usage(limited)).toEqual({ agents: 2, runningAgents: 0 });
  });

  it('places on living hosts of the region with room, and on no other', async () => {
    const us = await db.database.query(
      `INSERT INTO hosts (id, region, runtime, capacity_agents, heartbeat_at, draining, dead_since) VALUES
         ('us-full', 'us', 'fake', 0, now(), false, NULL), ('us-silent', 'us', 'fake', 9, now() - interval '1 minute', false, NULL),
         ('us-draining', 'us', 'fake', 9, now(), true, NULL), ('us-dead', 'us', 'fake', 9, now(), false, now()),
         ('us-good', 'us', 'fake', 2, now(), false, NULL) RETURNING id`,
    );
    expect(us).toHaveLength(5);
    await db.database.query(`UPDATE hosts SET region = 'eu' WHERE id = $1`, [at.session.id]);
    const answers = await Promise.allSettled(
      Array.from({ length: 5 }, () => at.agents.create(org.caller, demoAgent({ region: 'us' }))),
    );
    await db.database.query(`UPDATE hosts SET region = '' WHERE id = $1`, [at.session.id]);
    const made = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.id] : []));
    expect(made).toHaveLength(2);
    const hosts = await Promise.all(made.map(async (id) => (await at.agents.why(org.caller, id)).host?.id));
    expect(hosts).toEqual(['us-good', 'us-good']);
    const refused = answers.find((answer): answer is PromiseRejectedResult => answer.status === 'rejected');
    expect(refused?.reason).toMatchObject({ kind: 'no_capacity' });
    await db.database.query(`UPDATE hosts SET draining = true WHERE id LIKE 'us-%'`);
  });

  it('hides agents from other organisations', async () => {
    const { id } = await at.agents.create(org.caller, demoAgent());
    const attempts = [
      at.agents.get(foreign.caller, id),
      at.agents.update(foreign.caller, id, { name: 'mine' }),
      at.agents.start(foreign.caller, id),
      at.agents.stop(foreign.caller, id),
      at.agents.restart(foreign.caller, id),
      at.agents.delete(foreign.caller, id),
      at.agents.why(foreign.caller, id),
      at.agents.liveStatus(foreign.caller, id),
      at.agents.gatewayTarget(foreign, id),
      at.agents.settle(foreign.caller, id, { timeoutMs: 10, signal: new AbortController().signal }),
      at.logs.tail(foreign.caller, id, 10),
    ];
    for (const attempt of await Promise.allSettled(attempts)) {
      expect(attempt).toMatchObject({ status: 'rejected', reason: { kind: 'not_found' } });
    }
    expect((await at.agents.list(foreign.caller)).items).toEqual([]);
    expect((await at.agents.get(org.caller, id)).name).toBe('Ada');
  });

  it('lists newest first, filtered, in pages that say how many there are', async () => {
    const own = await testOrganisation(db.database);
    const swarmId = newId();
    await db.database.query(`INSERT INTO swarms (id, org_id, name, slug) VALUES ($1, $2, 'Growth', 'growth')`, [
      swarmId,
      own.orgId,
    ]);
    const ids: string[] = [];
    for (const name of ['one', 'two', 'three']) {
      const input = name === 'two' ? { name, swarmId } : { name };
      ids.unshift((await at.agents.create(own.caller, demoAgent(input))).id);
    }
    const all = await at.agents.list(own.caller);
    expect(all.items.map(({ id }) => id)).toEqual(ids);
    expect(all.total).toBe(3);
    expect(await at.agents.list(own.caller, { limit: 1, offset: 1 })).toMatchObject({
      total: 3,
      items: [{ name: 'two', swarm: { id: swarmId, name: 'Growth', slug: 'growth' } }],
    });
    expect(await at.agents.list(own.caller, { limit: 5, offset: 9 })).toEqual({ total: 3, items: [] });
    expect((await at.agents.list(own.caller, { swarmId })).total).toBe(1);
    expect((await at.agents.list(own.caller, { swarmId: 'nope' })).total).toBe(0);
    expect((await at.agents.list(own.caller, { status: 'running' })).total).toBe(0);
  });

  it('refuses an update of nothing, and to a foreign swarm', async () => {
    const { id } = await at.agents.create(org.caller, demoAgent());
    await expect(at.agents.update(org.caller, id, {})).rejects.toMatchObject({ kind: 'validation' });
    await expect(at.agents.update(org.caller, id, { swarmId: newId() })).rejects.toMatchObject({ kind: 'not_found' });
    await expect(at.agents.update(org.caller, id, { config: { temperature: 9 } })).rejects.toMatchObject({
      kind: 'validation',
    });
    const updated = await at.agents.update(org.caller, id, { avatarUrl: 'https://a.example/x.png' });
    expect(updated).toMatchObject({ avatarUrl: 'https://a.example/x.png', name: 'Ada' });
    expect((await at.agents.update(org.caller, id, { avatarUrl: null })).avatarUrl).toBeNull();
  });

  it.each(['', 'nope', '../x'])('knows no agent %j', async (id) => {
    await expect(at.agents.get(org.caller, id)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(at.agents.stop(org.caller, id)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(at.agents.gatewayTarget(org, id)).rejects.toMatchObject({ kind: 'not_found' });
  });

  it('erases the secrets of a deleted agent at once, and voids its instance', async () => {
    const agent = await at.runningAgent(org.caller, { secrets: { openai_api_key: 'sk-2' } });
    await expect(at.agents.gatewayTarget(org, agent.id)).resolves.toMatchObject({ runtime: 'house' });
    await at.agents.delete(org.caller, agent.id);
    const left = await db.database.query('SELECT 1 FROM secrets WHERE owner_id = $1', [agent.id]);
    expect(left).toEqual([]);
    const [row] = await db.database.query('SELECT instance_epoch, endpoint FROM agents WHERE id = $1', [agent.id]);
    expect(row).toEqual({ instance_epoch: null, endpoint: null });
  });

  it('makes an agent whose key comes later, when it is told so', async () => {
    const input = { secrets: {}, config: { model: 'claude-sonnet-4-5' } };
    await expect(at.agents.create(org.caller, demoAgent(input))).rejects.toMatchObject({ kind: 'validation' });
    const { id } = await at.agents.create(org.caller, demoAgent({ ...input, keyLater: true }));
    await at.reconciler.reconcile(id);
    expect(await at.agents.get(org.caller, id)).toMatchObject({
      status: 'error',
      errorCategory: 'auth',
      errorCount: 1,
      provisionedAt: null,
    });
  });

  it('gives every agent of an organisation a session key of its own', async () => {
    const own = await testOrganisation(db.database);
    const made = await Promise.all(
      Array.from({ length: 4 }, () => at.agents.create(own.caller, demoAgent({ name: 'Zoë' }))),
    );
    const keys = ['agent:zoe:main', 'agent:zoe-2:main', 'agent:zoe-3:main', 'agent:zoe-4:main'];
    expect(made.map(({ sessionKey }) => sessionKey).sort()).toEqual(keys.sort());
    await at.agents.delete(own.caller, made.find(({ sessionKey }) => sessionKey === 'agent:zoe-2:main')!.id);
    expect((await at.agents.create(own.caller, demoAgent({ name: 'zoe' }))).sessionKey).toBe('agent:zoe-2:main');
    expect((await at.agents.create(foreign.caller, demoAgent({ name: 'Zoe' }))).sessionKey).toBe('agent:zoe:main');
  });

  it('writes what another domain has to say with the agent, or nothing', async () => {
    const before = await counts();
    const refuse = () => Promise.reject(new Error('no'));
    await expect(at.agents.create(org.caller, demoAgent(), undefined, refuse)).rejects.toThrow('no');
    expect(await counts()).toEqual(before);
    const { id } = await at.agents.create(org.caller, demoAgent());
    await expect(at.agents.update(org.caller, id, { name: 'Eve' }, refuse)).rejects.toThrow('no');
    expect((await at.agents.get(org.caller, id)).name).toBe('Ada');
  });

  it('replaces a configuration, but for the model', async () => {
    const config = { llmProvider: 'demo' as const, model: 'demo', mood: 'fair', temperature: 1 };
    const { id } = await at.agents.create(org.caller, demoAgent({ config }));
    const configuration = { llmProvider: 'demo', mood: 'grim', depth: null };
    const updated = await at.agents.update(org.caller, id, { configuration, persona: 'Dry' });
    expect(updated).toMatchObject({ persona: 'Dry', config: { llmProvider: 'demo', model: 'demo', mood: 'grim' } });
    expect(updated.config).not.toHaveProperty('temperature');
    expect((await at.agents.update(org.caller, id, { persona: null })).persona).toBeNull();
  });

  it('tells who may change an agent', async () => {
    const member = { ...org.caller, role: 'MEMBER' as const };
    const { id } = await at.agents.create(member, demoAgent());
    const colleague = { ...member, userId: newId(), subject: 'user:x' };
    await expect(at.agents.getOwn(member, id)).resolves.toMatchObject({ id, createdBy: member.userId });
    await expect(at.agents.getOwn({ ...colleague, role: 'ADMIN' }, id)).resolves.toMatchObject({ id });
    await expect(at.agents.getOwn(colleague, id)).rejects.toMatchObject({ kind: 'forbidden', code: 'not_owner' });
    await expect(at.agents.getOrForbid(colleague, id)).resolves.toMatchObject({ id });
    for (const look of [at.agents.getOwn, at.agents.getOrForbid] as const) {
      await expect(look.call(at.agents, foreign.caller, id)).rejects.toMatchObject({ code: 'other_workspace' });
      await expect(look.call(at.agents, foreign.caller, newId())).rejects.toMatchObject({ kind: 'not_found' });
      await expect(look.call(at.agents, foreign.caller, 'nope')).rejects.toMatchObject({ kind: 'not_found' });
    }
  });

  it('says that an agent does not run instead of where', async () => {
    const { id } = await at.agents.create(org.caller, demoAgent());
    await expect(at.agents.gatewayTarget(org, id)).rejects.toMatchObject({ code: 'agent_not_running' });
  });

  it('returns the agent as it is when it does not settle in time', async () => {
    const { id } = await at.agents.create(org.caller, demoAgent());
    const signal = new AbortController().signal;
    expect((await at.agents.settle(org.caller, id, { timeoutMs: 20, signal })).status).toBe('provisioning');
    const waiting = at.agents.settle(org.caller, id, { timeoutMs: 10_000, signal });
    await at.reconciler.reconcile(id);
    expect((await waiting).status).toBe('running');
  });
});
