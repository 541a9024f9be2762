import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeHost } from '#libs/containers';
import { newId } from '#libs/kernel';
import { type TestDatabase, type TestOrganisation, testDatabase, testOrganisation } from '#libs/testing';
import type { Agent, AgentExplanation } from '../agent.js';
import { type AgentsFixture, agentsFixture } from '../testing/agents-fixture.js';

const OLD = 'rookery/agent:local';
const NEW = 'rookery/agent:2';
const BROKEN = 'rookery/agent:broken';
const ABSENT = 'rookery/agent:absent';

describe('an update of the image', () => {
  let db: TestDatabase;
  let org: TestOrganisation;
  let world: FakeHost;
  let at: AgentsFixture;

  const open = (updateSettleMs = 0): Promise<AgentsFixture> =>
    agentsFixture(db, world, db.config({ runtime: 'fake', agent: { images: ['rookery/agent:*'], updateSettleMs } }));

  beforeAll(async () => {
    db = await testDatabase();
    org = await testOrganisation(db.database);
  });
  beforeEach(async () => {
    world = new FakeHost();
    world.absentImages.add(ABSENT);
    at = await open();
  });
  afterEach(async () => {
    await at.close();
    await db.database.query(`UPDATE agents SET status = 'deleted', desired_state = 'deleted'`);
  });
  afterAll(() => db.close());

  const imageOf = (id: string): string | undefined => world.agents.get(id)?.instance?.spec.image;
  const why = (id: string): Promise<AgentExplanation> => at.agents.why(org.caller, id);
  const outcomes = async (id: string): Promise<string[]> =>
    (await why(id)).imageUpdates.map(({ outcome, image }) => `${outcome} ${image}`);
  const agentOf = (id: string): Promise<Agent> => at.agents.get(org.caller, id);
  /** The instance on the broken image ends as soon as it is started. */
  const breakAtStart = (fixture: AgentsFixture): void => {
    fixture.runtime.before = (step, id) => {
      if (step === 'probe' && imageOf(id ?? '') === BROKEN) fixture.runtime.crash(id ?? '', { exitCode: 1 });
    };
  };

  it('makes the agent anew from it on the same workspace, and tells what it runs', async () => {
    const { id } = await at.runningAgent(org.caller);
    world.agents.get(id)?.workspace.set('notes.md', 'mine');
    expect(await agentOf(id)).toMatchObject({ image: OLD, imageId: `id-of-${OLD}`, previousImage: null });
    expect(await at.agents.updateImage(org.caller, id, NEW)).toMatchObject({
      status: 'restarting',
      image: NEW,
      imageId: null,
      previousImage: OLD,
    });
    await at.sweep();
    expect(await agentOf(id)).toMatchObject({
      status: 'running',
      image: NEW,
      imageId: `id-of-${NEW}`,
      previousImage: null,
      errorCount: 0,
    });
    expect(imageOf(id)).toBe(NEW);
    expect(world.agents.get(id)?.workspace.get('notes.md')).toBe('mine');
    expect(await outcomes(id)).toEqual([`done ${NEW}`, `wanted ${NEW}`]);
    const [row] = await db.database.query(
      'SELECT subject, action, metadata FROM audit_events WHERE resource = $1 ORDER BY id DESC LIMIT 1',
      [`agent:${id}`],
    );
    expect(row).toEqual({ subject: org.caller.subject, action: 'agent.update_image', metadata: { image: NEW } });
  });

  it('goes back to the old one by itself when there is no such image', async () => {
    const { id } = await at.runningAgent(org.caller);
    await at.agents.updateImage(org.caller, id, ABSENT);
    await at.sweep();
    expect(await agentOf(id)).toMatchObject({ status: 'running', image: OLD, previousImage: null, lastError: null });
    expect(imageOf(id)).toBe(OLD);
    const told = await why(id);
    expect(told.imageUpdates[0]).toMatchObject({
      outcome: 'returned',
      image: ABSENT,
      previousImage: OLD,
      category: 'image_pull',
      error: `The image ${ABSENT} is not on this host`,
    });
    expect(told.transitions.map(({ cause }) => cause)).toContain(
      `the update to ${ABSENT} failed, back to ${OLD}: The image ${ABSENT} is not on this host`,
    );
    expect(told).toMatchObject({ category: null, attempt: 0 });
  });

  it('goes back at once from one whose program ends before it is ready, without counting it as crashes', async () => {
    const { id } = await at.runningAgent(org.caller);
    breakAtStart(at);
    await at.agents.updateImage(org.caller, id, BROKEN);
    await at.sweep();
    expect(await agentOf(id)).toMatchObject({ status: 'running', image: OLD, errorCount: 1 });
    expect((await why(id)).imageUpdates[0]).toMatchObject({
      outcome: 'returned',
      category: 'unknown',
      error: expect.stringContaining('exit code 1'),
    });
  });

  it.each([
    ['is never ready', () => 503],
    ['is ready and then again is not', (probes: number) => (probes % 2 === 0 ? 200 : 503)],
  ])('goes back from one that %s', async (_what, answer) => {
    await at.close();
    at = await open(60_000);
    const { id } = await at.runningAgent(org.caller);
    let probes = 0;
    at.runtime.ready = () => {
      const instance = world.agents.get(id)?.instance;
      if (instance?.spec.image !== BROKEN) return 200;
      instance.startedAt = new Date(Date.now() - 3_600_000);
      return answer(probes++);
    };
    await at.agents.updateImage(org.caller, id, BROKEN);
    await at.sweep();
    expect(probes).toBeGreaterThan(1);
    expect(await agentOf(id)).toMatchObject({ status: 'running', image: OLD });
    expect((await why(id)).imageUpdates[0]).toMatchObject({
      outcome: 'returned',
      category: 'provision_failed',
      error: 'The agent was not ready within 120 s and for 60 s on end',
    });
  });

  it('leaves the agent to the new image only after it stayed ready', async () => {
    await at.close();
    at = await open(300);
    const { id } = await at.runningAgent(org.caller);
    const statuses = new Set<string>();
    let first = 0;
    at.runtime.before = async (step) => {
      if (step !== 'probe') return;
      first ||= Date.now();
      statuses.add((await agentOf(id)).status);
    };
    await at.agents.updateImage(org.caller, id, NEW);
    await at.sweep();
    expect(Date.now() - first).toBeGreaterThanOrEqual(300);
    expect([...statuses]).toEqual(['restarting']);
    expect(await agentOf(id)).toMatchObject({ status: 'running', image: NEW, previousImage: null });
  });

  const STEPS = ['inspect', 'stop', 'remove', 'ensure', 'start', 'probe'] as const;
  it.each(STEPS.flatMap((step) => [NEW, BROKEN, ABSENT].map((image) => [step, image] as const)))(
    'survives a worker that dies at %s on the way to %s',
    async (dying, image) => {
      const { id } = await at.runningAgent(org.caller);
      await at.agents.updateImage(org.caller, id, image);
      const died = new Set<string>();
      at.runtime.before = async (step) => {
        if (step !== dying || died.size > 0) return;
        died.add(step);
        await db.database.query('UPDATE agents SET epoch = epoch + 1 WHERE id = $1', [id]);
      };
      await at.sweep();
      await at.close();
      at = await open();
      breakAtStart(at);
      await at.sweep();
      const expected = image === NEW ? NEW : OLD;
      expect(await agentOf(id)).toMatchObject({ status: 'running', image: expected, previousImage: null });
      expect(imageOf(id)).toBe(expected);
      expect(await outcomes(id)).toEqual([`${image === NEW ? 'done' : 'returned'} ${image}`, `wanted ${image}`]);
    },
  );

  it('writes nothing of an update once another worker has the agent', async () => {
    const { id } = await at.runningAgent(org.caller);
    at.runtime.before = async (step) => {
      if (step === 'ensure') await db.database.query('UPDATE agents SET epoch = epoch + 1 WHERE id = $1', [id]);
    };
    await at.agents.updateImage(org.caller, id, ABSENT);
    await at.reconciler.reconcile(id);
    expect(await agentOf(id)).toMatchObject({ status: 'restarting', image: ABSENT, previousImage: OLD });
    expect(await outcomes(id)).toEqual([`wanted ${ABSENT}`]);
  });

  it('waits for the next start of a stopped agent, which goes back then when it has to', async () => {
    const { id } = await at.runningAgent(org.caller);
    await at.agents.stop(org.caller, id);
    await at.sweep();
    expect(await at.agents.updateImage(org.caller, id, ABSENT)).toMatchObject({ status: 'stopped', image: ABSENT });
    await at.sweep();
    expect(await agentOf(id)).toMatchObject({ status: 'stopped', desiredState: 'stopped', previousImage: OLD });
    await at.agents.start(org.caller, id);
    await at.sweep();
    expect(await agentOf(id)).toMatchObject({ status: 'running', image: OLD, previousImage: null });
    expect(await outcomes(id)).toEqual([`returned ${ABSENT}`, `wanted ${ABSENT}`]);
  });

  it('is one while it is under way, and another one goes back to what was well last', async () => {
    const { id } = await at.runningAgent(org.caller);
    await at.agents.updateImage(org.caller, id, NEW);
    await at.agents.updateImage(org.caller, id, NEW);
    expect(await outcomes(id)).toEqual([`wanted ${NEW}`]);
    expect(await at.agents.updateImage(org.caller, id, ABSENT)).toMatchObject({ image: ABSENT, previousImage: OLD });
    await at.sweep();
    expect(await agentOf(id)).toMatchObject({ status: 'running', image: OLD });
  });

  it('takes an agent out of a failure, and shows the failure again when the old image is no better', async () => {
    world.absentImages.add(OLD);
    const { id } = await at.runningAgent(org.caller);
    await at.agents.updateImage(org.caller, id, ABSENT);
    await at.sweep();
    expect(await agentOf(id)).toMatchObject({ image: OLD, errorCategory: 'image_pull' });
    await at.agents.updateImage(org.caller, id, NEW);
    await at.sweep();
    expect(await agentOf(id)).toMatchObject({ status: 'running', image: NEW, lastError: null });
  });

  it('is the only way to another content of the same name, and the way back has the old content', async () => {
    const { id } = await at.runningAgent(org.caller);
    const idOf = async (): Promise<string | null> => (await at.runtime.inspect(id)).imageId;
    const first = await idOf();
    world.images.set(OLD, 'moved');
    await at.agents.restart(org.caller, id);
    await at.sweep();
    expect(await idOf()).toBe(first);
    at.runtime.ready = () => (world.agents.get(id)?.instance?.imageId === 'moved' ? null : 200);
    at.runtime.before = (step) => {
      if (step === 'probe' && world.agents.get(id)?.instance?.imageId === 'moved') at.runtime.crash(id);
    };
    await at.agents.updateImage(org.caller, id);
    await at.sweep();
    expect([await idOf(), (await agentOf(id)).image]).toEqual([first, OLD]);
    at.runtime.before = () => undefined;
    at.runtime.ready = () => 200;
    await at.agents.updateImage(org.caller, id);
    await at.sweep();
    expect([await idOf(), (await agentOf(id)).imageId]).toEqual(['moved', 'moved']);
  });

  it.each(['evil/agent:1', 'rookery/agent', 'rookery/agent:a/../b', 'rookery/agent:2@sha256:00', '', '/etc', '$(id)'])(
    'is refused to an image that the operator does not allow: %j',
    async (image) => {
      const { id } = await at.runningAgent(org.caller);
      await expect(at.agents.updateImage(org.caller, id, image)).rejects.toMatchObject({ kind: 'validation' });
      expect(await agentOf(id)).toMatchObject({ status: 'running', image: OLD, previousImage: null });
      expect(await outcomes(id)).toEqual([]);
    },
  );

  it('is nothing that another organisation, or one who may only read, can ask for', async () => {
    const { id } = await at.runningAgent(org.caller);
    const other = await testOrganisation(db.database);
    await expect(at.agents.updateImage(other.caller, id, NEW)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(at.agents.updateImage(org.caller, newId(), NEW)).rejects.toMatchObject({ kind: 'not_found' });
    const reader = { ...org.caller, scopes: ['agents:read' as const] };
    await expect(at.agents.updateImage(reader, id, NEW)).rejects.toMatchObject({ kind: 'forbidden' });
    expect((await agentOf(id)).image).toBe(OLD);
  });
});
