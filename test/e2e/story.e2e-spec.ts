import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type TestRedis, describeIf, eventually, requireTool, startRedis } from '#libs/testing';
import { AgentoClient, textOf, type WireAgent } from './client.js';
import { removeHost } from './docker-host.js';
import { type RunningRookery, eraseDataDir, startRookery } from './rookery.js';

/** What the README promises a newcomer, from the first command to the last. */
function tellsTheStory(environment: () => Promise<Record<string, string>>, timeoutMs: number): void {
  let rookery: RunningRookery;
  let client: AgentoClient;
  let agent: WireAgent;

  beforeAll(async () => {
    rookery = await startRookery(await environment(), undefined, timeoutMs);
    client = new AgentoClient(rookery.url, rookery.apiKey);
  }, timeoutMs + 60_000);

  afterAll(async () => {
    await rookery?.interrupt();
    if (rookery) await eraseDataDir(rookery.dataDir);
  }, 60_000);

  it('prints a curl with the key that it made', async () => {
    expect(rookery.apiKey).toMatch(/^ak_live_[0-9a-f]{32}$/);
    // it is ready a moment before it says so
    await eventually(() => rookery.output().includes('curl'));
    expect(rookery.output()).toContain(rookery.url);
  });

  it('provisions an agent that runs when the answer comes', async () => {
    agent = await client.createDemoAgent('Story');
    expect(agent).toMatchObject({ name: 'Story', status: 'running' });
  }, 60_000);

  it('streams an answer piece by piece and keeps both sides', async () => {
    const frames = await client.chat(agent.id, 'Hello from the story');
    expect(frames.length).toBeGreaterThan(2);
    expect(frames.at(-1)).toEqual({ type: 'done' });
    const history = await client.data<{ role: string; content: string }[]>(
      'GET',
      `/v1/agents/${agent.id}/chat/messages`,
    );
    expect(history.map((message) => message.role)).toEqual(['user', 'assistant']);
    expect(history[1]?.content).toBe(textOf(frames));
  }, 30_000);

  it('remembers the conversation, and nothing of it for another peer', async () => {
    await client.chat(agent.id, 'My colour is teal', { peerId: 'ann' });
    expect(textOf(await client.chat(agent.id, 'What did I say before?', { peerId: 'ann' }))).toContain('teal');
    expect(textOf(await client.chat(agent.id, 'What did I say before?', { peerId: 'bob' }))).not.toContain('teal');
  }, 30_000);

  const tool = async (name: string, input: object, peerId?: string): Promise<string> =>
    textOf(await client.chat(agent.id, `[[tool ${name} ${JSON.stringify(input)}]]`, peerId ? { peerId } : {}));

  it('keeps a note about one peer, and shows it to no other', async () => {
    await tool('memory_write', { name: 'pet', content: 'Ann has a lynx' }, 'ann');
    expect(await tool('memory_read', { name: 'pet' }, 'ann')).toContain('lynx');
    expect(await tool('memory_list', {}, 'bob')).not.toContain('pet');
  }, 30_000);

  it('does a task that somebody gave it, and looks up what it was taught', async () => {
    const tasks = `/v1/agents/${agent.id}/tasks`;
    const { id } = await client.data<{ id: string }>('POST', tasks, { title: 'Count the herons' });
    expect(await tool('task_list', {})).toContain('Count the herons');
    await tool('task_update', { id, status: 'running' });
    await tool('task_update', { id, status: 'completed', result: 'seven' });
    expect(await client.data('GET', `${tasks}/${id}`)).toMatchObject({ status: 'completed', result: 'seven' });

    const chunks = [{ text: 'The night heron fishes after dusk', source: 'birds.md' }];
    const stored = await client.data('POST', '/v1/knowledge/ingest', { agentId: agent.id, chunks });
    expect(stored).toMatchObject({ stored: 1 });
    const found = await tool('knowledge_search', { query: 'when do herons hunt' });
    expect(found).toContain('after dusk');
    expect(found).toContain('birds.md');
  }, 60_000);

  it('shows the logs', async () => {
    await eventually(async () => {
      const { logs } = await client.data<{ logs: string }>('GET', `/v1/agents/${agent.id}/logs`);
      return /^\d{4}-\d\d-\d\dT\S+ \[\w+\] /m.test(logs);
    });
  });

  it('stops, starts again with its memory, and restarts', async () => {
    expect(await client.data('POST', `/v1/agents/${agent.id}/stop`)).toMatchObject({ status: 'stopped' });
    expect((await client.call('POST', `/v1/agents/${agent.id}/chat/messages`, { message: 'Anyone?' })).status).toBe(
      409,
    );
    expect(await client.data('POST', `/v1/agents/${agent.id}/start`)).toMatchObject({ status: 'running' });
    expect(textOf(await client.chat(agent.id, 'What did I say before?', { peerId: 'ann' }))).toContain('teal');
    expect(await client.data('POST', `/v1/agents/${agent.id}/restart`)).toMatchObject({ status: 'running' });
    expect(await tool('memory_read', { name: 'pet' }, 'ann')).toContain('lynx');
  }, 90_000);

  it('says why it is in its state', async () => {
    const why = await client.data<object>('GET', `/v1/agents/${agent.id}/why`);
    expect(JSON.stringify(why)).toContain('running');
  });

  it('is deleted and gone, but for what it used', async () => {
    expect(await client.data('DELETE', `/v1/agents/${agent.id}`)).toEqual({ id: agent.id, deleted: true });
    expect((await client.call('GET', `/v1/agents/${agent.id}`)).status).toBe(404);
    const used = await client.data<{ agentId: string; calls: number }[]>(
      'GET',
      `/v1/usage?groupBy=agent&agentId=${agent.id}`,
    );
    expect(used.map(({ agentId }) => agentId)).toEqual([agent.id]);
    expect(used[0]?.calls).toBeGreaterThan(10);
  }, 30_000);
}

describe('npm start, nothing but Node and npm', () => {
  tellsTheStory(() => Promise.resolve({}), 120_000);
});

describeIf(requireTool('redis-server'), 'npm start with REDIS_URL', () => {
  let redis: TestRedis;
  tellsTheStory(async () => {
    redis = await startRedis();
    return { REDIS_URL: redis.url };
  }, 120_000);
  afterAll(() => redis?.stop());
});

describeIf(requireTool('docker'), 'npm start with RUNTIME=docker', () => {
  // names of its own, so that a Rookery in use on this machine keeps its edge
  const names = { HOST_ID: 'rookery-e2e-story', EDGE_CONTAINER: 'rookery-e2e-story-edge' };
  tellsTheStory(() => Promise.resolve({ RUNTIME: 'docker', ...names }), 300_000);
  // hooks run in the order of their making: Rookery has ended by then, and its edge with it
  afterAll(() => removeHost(names.HOST_ID), 60_000);
});
