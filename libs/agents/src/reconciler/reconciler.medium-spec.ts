import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeHost } from '#libs/containers';
import { DomainError } from '#libs/kernel';
import { type TestDatabase, type TestOrganisation, testDatabase, testOrganisation } from '#libs/testing';
import { type AgentsFixture, agentsFixture, demoAgent } from '../testing/agents-fixture.js';

const signal = new AbortController().signal;
const settled = { timeoutMs: 5_000, signal };

describe('AgentReconciler', () => {
  let db: TestDatabase;
  let org: TestOrganisation;
  let world: FakeHost;
  let at: AgentsFixture;

  beforeAll(async () => {
    db = await testDatabase();
    org = await testOrganisation(db.database);
  });
  beforeEach(async () => {
    world = new FakeHost();
    at = await agentsFixture(db, world);
  });
  afterEach(async () => {
    await at.close();
    await db.database.query(`UPDATE agents SET status = 'deleted', desired_state = 'deleted'`);
  });
  afterAll(() => db.close());

  const row = async (id: string) => {
    const rows = await db.database.query<Record<string, unknown>>('SELECT * FROM agents WHERE id = $1', [id]);
    return rows[0]!;
  };
  const nowDue = (id: string) => db.database.query('UPDATE agents SET next_attempt_at = NULL WHERE id = $1', [id]);

  it('brings a new agent up with files, epoch and tokens of its claim', async () => {
    const agent = await at.runningAgent(org.caller, { soulMd: 'I am Ada' });
    expect(agent.status).toBe('running');
    const state = await at.runtime.inspect(agent.id);
    const written = await row(agent.id);
    expect(Number(written.instance_epoch)).toBe(state.epoch);
    expect(written.endpoint).toBe(state.endpoint);
    const { spec } = world.agents.get(agent.id)!.instance!;
    expect(spec.env).toMatchObject({
      ROOKERY_AGENT_ID: agent.id,
      ROOKERY_LLM_PROVIDER: 'demo',
      ROOKERY_LLM_BASE_URL: 'http://127.0.0.1:4101/llm/demo',
      ROOKERY_DOOR_URL: 'http://127.0.0.1:4101/door',
    });
    expect(world.agents.get(agent.id)!.workspace.get('SOUL.md')).toBe('I am Ada');
    expect([...world.agents.get(agent.id)!.workspace.keys()].sort()).toEqual([
      'IDENTITY.md',
      'SOUL.md',
      'WORKFLOW.md',
      'rules/example-new-request.md',
    ]);
  });

  it('pauses by stopping, keeps the files, and resumes, whichever worker does it', async () => {
    const agent = await at.runningAgent(org.caller, { soulMd: 'I am Ada', persona: 'Dry wit' });
    expect(agent.provisionedAt).toEqual(agent.startedAt);
    const paused = await at.agents.pause(org.caller, agent.id);
    expect(paused).toMatchObject({ status: 'stopping', pausedAt: expect.any(Date) });
    await expect(at.agents.pause(org.caller, agent.id)).rejects.toMatchObject({ kind: 'conflict' });
    await at.close();
    at = await agentsFixture(db, world);
    await at.sweep();
    expect((await at.runtime.inspect(agent.id)).status).toBe('missing');
    expect(await at.agents.get(org.caller, agent.id)).toMatchObject({ status: 'stopped', pausedAt: paused.pausedAt });
    await expect(at.agents.gatewayTarget(org, agent.id)).rejects.toMatchObject({ code: 'agent_not_running' });
    expect((await at.agents.list(org.caller, { paused: true })).items.map(({ id }) => id)).toEqual([agent.id]);
    expect((await at.agents.list(org.caller, { status: ['stopped', 'error'], paused: false })).total).toBe(0);
    await at.agents.stop(org.caller, agent.id);
    await at.agents.resume(org.caller, agent.id);
    await at.sweep();
    const resumed = await at.agents.get(org.caller, agent.id);
    expect(resumed).toMatchObject({ status: 'running', pausedAt: null, provisionedAt: agent.provisionedAt });
    await expect(at.agents.resume(org.caller, agent.id)).rejects.toMatchObject({ kind: 'conflict' });
    expect(world.agents.get(agent.id)!.workspace.get('SOUL.md')).toBe('I am Ada');
    expect(world.agents.get(agent.id)!.workspace.get('IDENTITY.md')).toContain('Dry wit');
  });

  it('provisions again what has failed, and counts its failures', async () => {
    const { id } = await at.agents.create(org.caller, demoAgent({ config: { model: 'gpt-x' }, keyLater: true }));
    await at.reconciler.reconcile(id);
    expect(await row(id)).toMatchObject({ status: 'error', error_count: 1 });
    await expect(at.agents.pause(org.caller, id)).rejects.toMatchObject({ kind: 'conflict' });
    await at.agents.update(org.caller, id, { config: { model: 'demo' } });
    await at.agents.provision(org.caller, id);
    await at.sweep();
    expect(await row(id)).toMatchObject({ status: 'running', error_count: 1, last_error: null });
    await expect(at.agents.provision(org.caller, id)).rejects.toMatchObject({ kind: 'conflict' });
  });

  it.each([
    ['anthropic/claude-x', 'anthropic', 'claude-x'],
    ['gpt-x', 'openai', 'gpt-x'],
    ['home-made', 'anthropic', 'home-made'],
  ])('asks for the model %s at %s', async (model, provider, name) => {
    const secrets = { openai_api_key: 'sk-1', anthropic_api_key: 'sk-ant-1' };
    const agent = await at.runningAgent(org.caller, { secrets, config: { model } });
    const { env } = world.agents.get(agent.id)!.instance!.spec;
    expect(env).toMatchObject({ ROOKERY_LLM_PROVIDER: provider, ROOKERY_MODEL: name });
  });

  it('gives OpenClaw its own limits, lets it call its model before it is ready, and notes whether it serves peers', async () => {
    const seen: unknown[] = [];
    at.runtime.before = async (step, id) => void (step === 'probe' && seen.push((await row(id!)).endpoint));
    at.runtime.ready = (_id, path) => (path === '/readyz?for=peers' ? 501 : 200);
    const agent = await at.runningAgent(org.caller, { runtime: 'openclaw' });
    at.runtime.before = () => undefined;
    at.runtime.ready = () => 200;
    const { endpoint } = await at.runtime.inspect(agent.id);
    expect(seen[0]).toBe(endpoint);
    expect(await row(agent.id)).toMatchObject({
      status: 'running',
      runtime: 'openclaw',
      serves_peers: false,
      endpoint,
    });
    const { spec } = world.agents.get(agent.id)!.instance!;
    expect(spec).toMatchObject({ runtime: 'openclaw', memoryMb: 2048, cpus: 2, pidsLimit: 512 });
    expect(spec.image).toBe('ghcr.io/openclaw/openclaw:2026.9.6');
    await at.agents.restart(org.caller, agent.id);
    await at.sweep();
    expect(await row(agent.id)).toMatchObject({ status: 'running', serves_peers: true });
  });

  it('stops, starts, restarts and deletes', async () => {
    const agent = await at.runningAgent(org.caller);
    expect((await at.agents.stop(org.caller, agent.id)).status).toBe('stopping');
    await at.sweep();
    expect((await at.agents.settle(org.caller, agent.id, settled)).status).toBe('stopped');
    expect((await at.runtime.inspect(agent.id)).status).toBe('missing');
    expect((await row(agent.id)).instance_epoch).toBeNull();

    await at.agents.start(org.caller, agent.id);
    await at.sweep();
    const first = (await at.runtime.inspect(agent.id)).epoch;
    await at.agents.restart(org.caller, agent.id);
    await at.sweep();
    const second = await at.runtime.inspect(agent.id);
    expect(second.status).toBe('running');
    expect(second.epoch).toBeGreaterThan(first ?? 0);

    await at.agents.delete(org.caller, agent.id);
    await expect(at.agents.get(org.caller, agent.id)).rejects.toMatchObject({ kind: 'not_found' });
    await at.sweep();
    expect(world.agents.has(agent.id)).toBe(false);
    expect(await row(agent.id)).toMatchObject({ status: 'deleted', endpoint: null, config: {} });
    await expect(at.agents.delete(org.caller, agent.id)).rejects.toMatchObject({ kind: 'not_found' });
  });

  it('asks for a restart after a change of a running agent, and a restart clears it', async () => {
    const agent = await at.runningAgent(org.caller);
    const renamed = await at.agents.update(org.caller, agent.id, { name: 'Grace' });
    expect(renamed.needsRestart).toBe(false);
    const changed = await at.agents.update(org.caller, agent.id, { config: { temperature: 0.2, llmProvider: 'demo' } });
    expect(changed.needsRestart).toBe(true);
    expect(changed.config).toEqual({ llmProvider: 'demo', temperature: 0.2 });
    await at.sweep();
    expect((await at.agents.get(org.caller, agent.id)).needsRestart).toBe(true);
    await at.agents.restart(org.caller, agent.id);
    await at.sweep();
    expect((await at.agents.get(org.caller, agent.id)).needsRestart).toBe(false);
    expect(world.agents.get(agent.id)!.instance!.spec.env.ROOKERY_TEMPERATURE).toBe('0.2');
  });

  it.each(['ensure', 'start', 'probe', 'inspect'] as const)('converges after a failure of %s', async (failing) => {
    let failures = 2;
    at.runtime.before = (step) => {
      if (step === failing && failures-- > 0) throw new Error(`${failing} is out of order`);
    };
    const agent = await at.agents.create(org.caller, demoAgent());
    for (let round = 0; round < 4; round++) {
      await nowDue(agent.id);
      await at.sweep();
    }
    expect((await at.agents.get(org.caller, agent.id)).status).toBe('running');
    const why = await at.agents.why(org.caller, agent.id);
    expect(why.transitions.some((transition) => transition.error === `${failing} is out of order`)).toBe(true);
    expect(why.lastError).toBeNull();
  });

  it.each(['stop', 'remove'] as const)('deletes in the end although %s failed', async (failing) => {
    const agent = await at.runningAgent(org.caller);
    let failures = 2;
    at.runtime.before = (step) => {
      if (step === failing && failures-- > 0) throw new Error(`${failing} is out of order`);
    };
    await at.agents.delete(org.caller, agent.id);
    for (let round = 0; round < 4; round++) {
      await nowDue(agent.id);
      await at.sweep();
    }
    expect(await row(agent.id)).toMatchObject({ status: 'deleted' });
    expect(world.agents.has(agent.id)).toBe(false);
  });

  it('shows a failure that trying again cannot cure at once, with what to do', async () => {
    at.runtime.before = (step) => {
      if (step === 'ensure') throw new DomainError('unprocessable', 'config', 'model is not a model');
    };
    const agent = await at.agents.create(org.caller, demoAgent());
    await at.sweep();
    const failed = await at.agents.settle(org.caller, agent.id, settled);
    expect(failed).toMatchObject({ status: 'error', errorCategory: 'config', lastError: 'model is not a model' });
    const why = await at.agents.why(org.caller, agent.id);
    expect(why).toMatchObject({ category: 'config', nextRetryAt: null, desired: { state: 'running' } });
    expect(why.advice).toContain('config');
    expect(why.command).toBe('start');
    await at.sweep();
    expect((await row(agent.id)).attempts).toBe(1);

    at.runtime.before = () => undefined;
    await at.agents.start(org.caller, agent.id);
    await at.sweep();
    expect((await at.agents.get(org.caller, agent.id)).status).toBe('running');
  });

  it('keeps an agent on its old configuration until a restart takes the one its runtime rejects, and a corrected one mends it', async () => {
    const agent = await at.runningAgent(org.caller);
    const { epoch } = world.agents.get(agent.id)!.instance!.spec;
    at.runtime.before = (step) => {
      if (step === 'ensure') throw new DomainError('unprocessable', 'config', 'model is not a model');
    };
    await at.agents.update(org.caller, agent.id, { config: { llmProvider: 'demo', model: 'no-model' } });
    await at.sweep();
    expect(await at.agents.get(org.caller, agent.id)).toMatchObject({ status: 'running', needsRestart: true });
    expect(world.agents.get(agent.id)!.instance).toMatchObject({ status: 'running', spec: { epoch } });

    await at.agents.restart(org.caller, agent.id);
    await at.sweep();
    const rejected = { status: 'error', errorCategory: 'config', lastError: 'model is not a model' };
    expect(await at.agents.get(org.caller, agent.id)).toMatchObject(rejected);

    at.runtime.before = () => undefined;
    await at.agents.update(org.caller, agent.id, { config: { llmProvider: 'demo', model: 'a-model' } });
    await at.agents.start(org.caller, agent.id);
    await at.sweep();
    expect(await at.agents.get(org.caller, agent.id)).toMatchObject({ status: 'running', needsRestart: false });
    expect(world.agents.get(agent.id)!.instance!.spec.env.ROOKERY_MODEL).toBe('a-model');
  });

  it('tells that no key is stored for the chosen provider', async () => {
    const agent = await at.agents.create(
      org.caller,
      demoAgent({ config: { llmProvider: 'openai' }, secrets: { anthropic_api_key: 'sk-ant-1' } }),
    );
    await at.sweep();
    const failed = await at.agents.get(org.caller, agent.id);
    expect(failed).toMatchObject({ status: 'error', errorCategory: 'auth' });
  });

  it('chooses the provider whose key exists', async () => {
    const input = demoAgent({ config: {}, secrets: { google_api_key: 'g-key' } });
    const agent = await at.runningAgent(org.caller, input);
    const { env } = world.agents.get(agent.id)!.instance!.spec;
    expect(env).toMatchObject({ ROOKERY_LLM_PROVIDER: 'google' });
    expect(JSON.stringify(env)).not.toContain('g-key');
    expect(agent.config).toEqual({});
  });

  it('restarts a crashed agent at once, then slower, and gives up a crash loop', async () => {
    const agent = await at.runningAgent(org.caller);
    at.runtime.crash(agent.id, { exitCode: 3 });
    await at.watcher.watch(signal);
    await at.reconciler.runner.idle();
    expect((await at.agents.get(org.caller, agent.id)).status).toBe('running');
    for (let crash = 0; crash < 5; crash++) {
      at.runtime.crash(agent.id, { exitCode: 3 });
      await at.watcher.watch(signal);
      await at.reconciler.runner.idle();
      if (crash < 4) {
        expect((await at.agents.get(org.caller, agent.id)).status).not.toBe('running');
        await nowDue(agent.id);
        await at.sweep();
      }
    }
    const why = await at.agents.why(org.caller, agent.id);
    expect(why).toMatchObject({ category: 'crash_loop', nextRetryAt: null, observed: { status: 'error' } });
    expect(why.advice).toContain('logs');
    expect((await at.runtime.inspect(agent.id)).status).toBe('missing');
    expect(why.transitions[0]?.cause).toContain('exit code 3');
  });

  it('forgets earlier crashes of an agent that has run well since', async () => {
    const agent = await at.runningAgent(org.caller);
    await db.database.query(`UPDATE agents SET attempts = 5, started_at = now() - interval '2 minutes' WHERE id = $1`, [
      agent.id,
    ]);
    at.runtime.crash(agent.id, { exitCode: 1 });
    await at.watcher.watch(signal);
    await at.reconciler.runner.idle();
    expect((await at.agents.get(org.caller, agent.id)).status).toBe('running');
  });

  it('gives each instance an epoch of its own, also where one claim makes two', async () => {
    const agent = await at.agents.create(org.caller, demoAgent());
    const epochs: (number | null)[] = [];
    at.runtime.before = async (step) => {
      if (step !== 'start') return;
      epochs.push((await at.runtime.inspect(agent.id)).epoch);
      if (epochs.length === 1) await at.agents.restart(org.caller, agent.id);
    };
    await at.reconciler.reconcile(agent.id);
    expect((await at.agents.get(org.caller, agent.id)).status).toBe('running');
    const [first, second] = epochs;
    expect(epochs).toHaveLength(2);
    expect(second).toBeGreaterThan(first ?? Infinity);
    expect(Number((await row(agent.id)).instance_epoch)).toBe(second);
  });

  it('writes nothing after it has lost its claim', async () => {
    const agent = await at.agents.create(org.caller, demoAgent());
    at.runtime.before = async (step) => {
      if (step === 'start') await db.database.query('UPDATE agents SET epoch = epoch + 1 WHERE id = $1', [agent.id]);
    };
    const before = await row(agent.id);
    await at.reconciler.reconcile(agent.id);
    const after = await row(agent.id);
    expect(after.status).toBe('provisioning');
    expect(after.endpoint).toBeNull();
    // the claim, the beginning of the instance, and whoever took it
    expect(Number(after.epoch)).toBe(Number(before.epoch) + 3);
    expect((await at.agents.why(org.caller, agent.id)).transitions.map((transition) => transition.to)).not.toContain(
      'running',
    );
  });

  it('claims nothing once a later worker has the host', async () => {
    const agent = await at.agents.create(org.caller, demoAgent());
    await db.database.query('UPDATE hosts SET incarnation = incarnation + 1 WHERE id = $1', [at.session.id]);
    const before = await row(agent.id);
    await at.reconciler.reconcile(agent.id);
    await at.sweep();
    await at.watcher.watch(signal);
    expect(await row(agent.id)).toEqual(before);
    expect(world.agents.size).toBe(0);
    await at.session.beat();
    await expect(at.session.lost).resolves.toContain('later worker');
  });

  it('makes one instance however often and from wherever it is rung', async () => {
    const agent = await at.agents.create(org.caller, demoAgent());
    let ensured = 0;
    at.runtime.before = (step) => void (step === 'ensure' && ensured++);
    await Promise.all([
      ...Array.from({ length: 5 }, () => at.reconciler.reconcile(agent.id)),
      at.reconciler.sweep(),
      at.watcher.watch(signal),
    ]);
    await at.reconciler.runner.idle();
    expect(ensured).toBe(1);
    expect((await at.agents.get(org.caller, agent.id)).status).toBe('running');
  });

  it('leaves an agent alone whose time to try again has not come', async () => {
    at.runtime.before = (step) => {
      if (step === 'ensure') throw new Error('no');
    };
    const agent = await at.agents.create(org.caller, demoAgent());
    await at.sweep();
    await at.sweep();
    await at.sweep();
    const { attempts } = await row(agent.id);
    expect(attempts).toBe(2);
    expect((await at.agents.why(org.caller, agent.id)).nextRetryAt).toBeInstanceOf(Date);
  });

  it('follows a changed mind while it waits for an agent that never gets ready', async () => {
    at.runtime.ready = () => 503;
    const agent = await at.agents.create(org.caller, demoAgent());
    const work = at.reconciler.reconcile(agent.id);
    await at.agents.stop(org.caller, agent.id);
    await work;
    expect((await at.agents.get(org.caller, agent.id)).status).toBe('stopped');
    expect((await at.runtime.inspect(agent.id)).status).toBe('missing');
  });

  it('adopts a running instance of an earlier worker instead of making it anew', async () => {
    const agent = await at.runningAgent(org.caller);
    const { epoch } = await at.runtime.inspect(agent.id);
    await db.database.query(`UPDATE agents SET status = 'provisioning', endpoint = NULL WHERE id = $1`, [agent.id]);
    await at.close();
    at = await agentsFixture(db, world);
    await at.sweep();
    expect((await at.agents.get(org.caller, agent.id)).status).toBe('running');
    expect((await at.runtime.inspect(agent.id)).epoch).toBe(epoch);
  });

  it('removes instances of deleted, stopped and moved agents and of stale epochs, and nothing else', async () => {
    const [gone, stopped, moved, stale, good] = await Promise.all(
      ['gone', 'stopped', 'moved', 'stale', 'good'].map((name) => at.runningAgent(org.caller, { name })),
    );
    await db.database.query(
      `INSERT INTO hosts (id, runtime, capacity_agents, draining) VALUES ('elsewhere', 'fake', 1, true) ON CONFLICT DO NOTHING`,
    );
    const set = (id: string, what: string) => db.database.query(`UPDATE agents SET ${what} WHERE id = $1`, [id]);
    await set(gone!.id, `status = 'deleted', desired_state = 'deleted'`);
    await set(stopped!.id, `status = 'stopped', desired_state = 'stopped', instance_epoch = NULL`);
    await set(moved!.id, `host_id = 'elsewhere'`);
    await set(stale!.id, `instance_epoch = instance_epoch - 1`);
    await at.watcher.watch(signal);
    await at.reconciler.runner.idle();
    expect(world.agents.has(gone!.id)).toBe(false);
    expect((await at.runtime.inspect(stopped!.id)).status).toBe('missing');
    expect((await at.runtime.inspect(moved!.id)).status).toBe('missing');
    expect(world.agents.get(moved!.id)?.workspace.size).toBeGreaterThan(0);
    expect((await at.agents.get(org.caller, stale!.id)).status).toBe('running');
    expect((await at.runtime.inspect(stale!.id)).epoch).toBe(Number((await row(stale!.id)).instance_epoch));
    expect((await at.agents.get(org.caller, good!.id)).status).toBe('running');
  });

  it('leaves instances alone that belong to no agent it knows', async () => {
    const { id } = await at.runningAgent(org.caller);
    const stranger = { ...world.agents.get(id)! };
    world.agents.set('7b3cbd1c-6d6f-4b13-9a53-0d3f0c6f9b0e', stranger);
    await at.watcher.watch(signal);
    expect(world.agents.size).toBe(2);
  });

  it('stops the agents of a worker that ends with its user, and the next one brings them back', async () => {
    const agent = await at.runningAgent(org.caller);
    await at.host.close(true);
    await at.app.close();
    expect((await at.runtime.inspect(agent.id)).status).toBe('missing');
    expect(await row(agent.id)).toMatchObject({ status: 'stopped', desired_state: 'running', instance_epoch: null });
    at = await agentsFixture(db, world);
    await at.sweep();
    expect((await at.agents.get(org.caller, agent.id)).status).toBe('running');
  });

  it('reports resources that liveStatus shows until the agent stops', async () => {
    const agent = await at.runningAgent(org.caller);
    await at.watcher.watch(signal);
    await at.watcher.reportStats(signal);
    expect(await at.agents.liveStatus(org.caller, agent.id)).toMatchObject({
      status: 'running',
      containerStatus: 'running',
      live: true,
      source: 'redis',
      resources: { memoryBytes: 64 * 1024 * 1024, cpuPercent: 0.5 },
    });
    await at.agents.stop(org.caller, agent.id);
    await at.sweep();
    expect(await at.agents.liveStatus(org.caller, agent.id)).toMatchObject({
      status: 'stopped',
      live: false,
      resources: null,
    });
  });
});
