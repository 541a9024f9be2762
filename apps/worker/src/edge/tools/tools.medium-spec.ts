import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { signAgentToken } from '#libs/crypto';
import { newId } from '#libs/kernel';
import { type TestOrganisation, testOrganisation } from '#libs/testing';
import { type EdgeFixture, EPOCH, startEdge } from '../testing/edge-fixture.js';
import { doorTool } from './door-tool.js';
import { DoorTools } from './door-tools.js';

interface Agent {
  readonly orgId: string;
  readonly agentId: string;
}

interface Answer {
  readonly status: number;
  readonly body: { readonly output?: Record<string, unknown>; readonly error?: { code: string; message: string } };
}

describe('the tools of the agent door', () => {
  let edge: EdgeFixture;
  let organisation: TestOrganisation;
  let ada: Agent;
  let bob: Agent;

  beforeAll(async () => {
    edge = await startEdge();
    organisation = await testOrganisation(edge.db.database);
  });
  afterAll(() => edge?.close());
  beforeEach(async () => {
    ada = await edge.agent('127.0.0.1:1', organisation);
    bob = await edge.agent('127.0.0.1:1', organisation);
  });

  const tokenOf = ({ agentId, orgId }: Agent, epoch = EPOCH): string =>
    signAgentToken(edge.config.security.jwtSecret, { agentId, orgId, hostId: edge.config.host.id, epoch });

  async function send(path: string, init: RequestInit, token?: string): Promise<Answer> {
    const headers = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...init.headers };
    const answer = await fetch(`${edge.agentUrl}${path}`, { ...init, headers });
    return { status: answer.status, body: (await answer.json()) as Answer['body'] };
  }

  const post = (agent: Agent, name: string, body: unknown): Promise<Answer> =>
    send(`/door/tools/${name}`, { method: 'POST', body: JSON.stringify(body) }, tokenOf(agent));

  async function use(agent: Agent, name: string, input: object, peerId?: string): Promise<Record<string, unknown>> {
    const answer = await post(agent, name, { input, context: { peerId } });
    expect(answer).toEqual({ status: 200, body: { output: expect.anything() } });
    return answer.body.output!;
  }

  async function refused(
    agent: Agent,
    name: string,
    input: object,
    status: number,
    message: RegExp,
    peerId?: string,
  ): Promise<void> {
    expect(await post(agent, name, { input, context: { peerId } })).toEqual({
      status,
      body: { error: { code: expect.any(String), message: expect.stringMatching(message) } },
    });
  }

  const titles = async (agent: Agent, peerId?: string): Promise<unknown> => {
    const { tasks } = await use(agent, 'task_list', {}, peerId);
    return (tasks as { title: string }[]).map(({ title }) => title);
  };

  describe('the list', () => {
    it('names each tool with a schema that a model understands', async () => {
      const answer = await send('/door/tools', {}, tokenOf(ada));
      const { tools } = answer.body as unknown as { tools: { name: string }[] };
      expect(tools.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['task_list', 'task_get', 'task_create', 'task_update']),
      );
      for (const tool of tools) {
        expect(tool).toEqual({
          name: expect.stringMatching(/^[a-z_]+$/),
          description: expect.stringMatching(/\.$/),
          inputSchema: expect.objectContaining({ type: 'object', properties: expect.anything() }),
        });
      }
    });

    it('is for agents alone', async () => {
      expect((await send('/door/tools', {})).status).toBe(401);
      expect((await send('/door/tools', {}, 'nonsense')).status).toBe(401);
      expect((await send('/door/tools', {}, tokenOf(ada, EPOCH - 1))).body.error?.code).toBe('stale_token');
      expect((await send('/door/tools', { method: 'POST' }, tokenOf(ada))).status).toBe(405);
    });
  });

  describe('a call', () => {
    it.each<[string, string, RegExp]>([
      ['no JSON', '{', /JSON/],
      ['a list', '[]', /object/],
      ['input that is a text', '{"input":"x"}', /input/],
      ['a context that is a list', '{"context":[]}', /context/],
      ['a peer that is a number', '{"context":{"peerId":7}}', /peerId/],
      ['a peer with control characters', '{"context":{"peerId":"a\\u0000"}}', /peerId/],
      ['a peer that is too long', JSON.stringify({ context: { peerId: 'x'.repeat(257) } }), /peerId/],
    ])('with %s is refused', async (_case, body, message) => {
      const answer = await send('/door/tools/task_list', { method: 'POST', body }, tokenOf(ada));
      expect(answer).toEqual({
        status: 400,
        body: { error: { code: 'validation_error', message: expect.stringMatching(message) } },
      });
    });

    it('is refused when it is too large, unknown, or made in another way', async () => {
      const body = JSON.stringify({ input: { title: 'x'.repeat(300_000) } });
      const large = await send('/door/tools/task_create', { method: 'POST', body }, tokenOf(ada));
      expect([large.status, large.body.error?.code]).toEqual([413, 'payload_too_large']);
      expect((await post(ada, 'no_such_tool', {})).status).toBe(404);
      expect((await send('/door/tools/task_list', {}, tokenOf(ada))).status).toBe(405);
      expect((await send('/door/tools/../llm', {}, tokenOf(ada))).status).toBe(404);
      expect((await send('/door/tools/task_list', { method: 'POST', body: '{}' })).status).toBe(401);
    });

    it('names what is wrong with its input', async () => {
      await refused(ada, 'task_get', {}, 400, /'id'/);
      await refused(ada, 'task_list', { limit: 101 }, 400, /input\.limit/);
      await refused(ada, 'task_create', { title: 'T', priority: 'urgent' }, 400, /low, normal, high, critical/);
    });

    it('drops fields the tool does not know, so that no body can say whose it is', async () => {
      const forged = { title: 'Mine', orgId: newId(), createdBy: 'user:x', peerId: 'forged' };
      const task = await use(ada, 'task_create', forged);
      const [row] = await edge.db.database.query(
        'SELECT org_id, agent_id, created_by, peer_id FROM tasks WHERE id = $1',
        [task.id],
      );
      expect(row).toEqual({
        org_id: ada.orgId,
        agent_id: ada.agentId,
        created_by: `agent:${ada.agentId}`,
        peer_id: null,
      });
    });

    it('of one agent finds only so many others at a time', async () => {
      const tools = edge.app.get(DoorTools);
      const run = tools.run.bind(tools);
      let goOn: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (goOn = resolve));
      tools.run = async (...words) => held.then(() => run(...words));
      const calls = Array.from({ length: 17 }, () => post(ada, 'task_list', {}));
      try {
        const first = await Promise.race(calls);
        expect([first.status, first.body.error?.code]).toEqual([429, 'rate_limited']);
      } finally {
        goOn();
        tools.run = run;
      }
      const answers = await Promise.all(calls);
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(16);
      expect((await post(ada, 'task_list', {})).status).toBe(200);
    });

    it('that fails inside tells the agent nothing about why', async () => {
      const tools = edge.app.get(DoorTools);
      const { run } = tools;
      tools.run = () => Promise.reject(new Error('relation "tasks" does not exist'));
      const answer = await post(ada, 'task_list', {});
      tools.run = run;
      expect(answer).toEqual({
        status: 500,
        body: { error: { code: 'internal_error', message: 'The tool failed on our side' } },
      });
    });
  });

  describe('tasks', () => {
    it('are made, worked on and finished with a result', async () => {
      const task = await use(ada, 'task_create', { title: 'Count', description: 'To ten', priority: 'high' });
      expect(task).toMatchObject({ status: 'queued', agentId: ada.agentId, madeBy: `agent ${ada.agentId}` });
      const { id } = task;
      expect(await use(ada, 'task_update', { id, status: 'running' })).toMatchObject({ status: 'running' });
      await use(ada, 'task_update', { id, status: 'completed', result: 'ten' });
      expect(await use(ada, 'task_get', { id })).toMatchObject({ status: 'completed', result: 'ten' });
      await refused(ada, 'task_update', { id, status: 'running' }, 409, /completed cannot become running/);
      const events = await edge.db.database.query(
        `SELECT seq::int, type, data->>'to' AS to FROM events WHERE thing_kind = 'task' AND thing_id = $1 ORDER BY seq`,
        [id],
      );
      expect(events).toEqual([
        { seq: 1, type: 'task.created', to: null },
        { seq: 2, type: 'task.status', to: 'running' },
        { seq: 3, type: 'task.status', to: 'completed' },
      ]);
    });

    it('of another agent do not exist, of the same organisation or not', async () => {
      const stranger = await edge.agent('127.0.0.1:1');
      const { id } = await use(ada, 'task_create', { title: 'Secret of Ada' });
      for (const other of [bob, stranger]) {
        expect(await titles(other)).toEqual([]);
        await refused(other, 'task_get', { id: id as string }, 404, /Task/);
        await refused(other, 'task_update', { id: id as string, title: 'Stolen' }, 404, /Task/);
      }
      await refused(ada, 'task_get', { id: 'nonsense' }, 404, /Task/);
      expect(await titles(ada)).toEqual(['Secret of Ada']);
    });

    it('go to agents of the same swarm and to no others', async () => {
      await refused(ada, 'task_create', { title: 'For Bob', agentId: bob.agentId }, 404, /Agent/);
      const swarm = newId();
      await edge.db.database.query(`INSERT INTO swarms (id, org_id, name, slug) VALUES ($1, $2, 'S', 's')`, [
        swarm,
        organisation.orgId,
      ]);
      await edge.db.database.query('UPDATE agents SET swarm_id = $1 WHERE id = ANY ($2)', [
        swarm,
        [ada.agentId, bob.agentId],
      ]);
      const { id } = await use(ada, 'task_create', { title: 'For Bob', agentId: bob.agentId });
      expect([await titles(bob), await titles(ada)]).toEqual([['For Bob'], ['For Bob']]);
      await refused(ada, 'task_update', { id: id as string, status: 'completed' }, 403, /assigned/);
      await use(bob, 'task_update', { id, status: 'running' });
      expect(await use(ada, 'task_update', { id, status: 'cancelled' })).toMatchObject({ status: 'cancelled' });
      await refused(bob, 'task_update', { id: id as string, status: 'completed' }, 409, /cancelled/);
      const stranger = await edge.agent('127.0.0.1:1');
      await refused(ada, 'task_create', { title: 'Away', agentId: stranger.agentId }, 404, /Agent/);
    });

    it('of one end user are not seen in the chat of another, only by the owner', async () => {
      const { id } = await use(ada, 'task_create', { title: 'Wish of Ann' }, 'ann');
      await use(ada, 'task_create', { title: 'Own plan' });
      expect(await titles(ada, 'ann')).toEqual(['Wish of Ann']);
      expect(await titles(ada, 'ben')).toEqual([]);
      expect(await titles(ada)).toEqual(['Own plan', 'Wish of Ann']);
      await refused(ada, 'task_get', { id: id as string }, 404, /Task/, 'ben');
      await refused(ada, 'task_update', { id: id as string, status: 'cancelled' }, 404, /Task/, 'ben');
    });

    it('are cut in lists and whole when read', async () => {
      const { id } = await use(ada, 'task_create', { title: 'Long', description: 'x'.repeat(5_000) });
      const { tasks } = await use(ada, 'task_list', { status: 'queued' });
      expect((tasks as { description: string }[])[0]?.description).toHaveLength(302);
      expect((await use(ada, 'task_get', { id })).description).toHaveLength(5_000);
    });
  });
});

describe('doorTool', () => {
  it('refuses a name that models would not take', () => {
    const inputSchema = { type: 'object', properties: {} } as const;
    const named = (name: string): unknown =>
      doorTool({ name, description: '', inputSchema, run: () => Promise.resolve(null) });
    expect(() => named('Bad-Name')).toThrow('snake_case');
    expect(named('good_name')).toMatchObject({ name: 'good_name' });
  });
});
