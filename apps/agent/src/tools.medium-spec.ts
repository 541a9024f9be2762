import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { dirname } from 'node:path';
import { AgentProgram, buildAgent, LLM_TOKEN, removeFolder, temporaryFolder } from '../test/agent-program.js';
import { chat, post, textOf } from '../test/chat-client.js';
import { DoorServer } from '../test/door-server.js';
import { ProviderServer, type WireName } from '../test/provider-server.js';

const WIRES: readonly WireName[] = ['openai', 'anthropic', 'google'];
const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const WEATHER = { name: 'weather', description: 'Says how the weather is', inputSchema: SCHEMA };
let program: string;

beforeAll(async () => {
  program = await buildAgent();
}, 60_000);

afterAll(() => removeFolder(dirname(program)));

describe.each(WIRES)('tools with a provider that speaks %s', (wire) => {
  const provider = new ProviderServer(wire);
  const door = new DoorServer();
  let workspace: string;
  let agent: AgentProgram;

  beforeAll(async () => {
    await Promise.all([provider.start(), door.start()]);
    door.list = { status: 200, body: { tools: [WEATHER] } };
    workspace = await temporaryFolder();
    const environment = { ROOKERY_DOOR_URL: door.url, ROOKERY_PROVIDER_TIMEOUT_MS: '1000' };
    agent = await AgentProgram.start({ program, workspace, provider: wire, baseUrl: provider.url, environment });
  }, 30_000);

  beforeEach(() => {
    door.calls.length = 0;
    door.answer = ({ input }) => ({ status: 200, body: { output: { weather: 'rain', asked: input } } });
  });

  afterAll(async () => {
    await agent.stop();
    await Promise.all([provider.stop(), door.stop()]);
    await removeFolder(workspace);
  });

  it('runs what the model calls, tells it the outcome, and streams all texts as one reply', async () => {
    provider.behaviour = {
      kind: 'steps',
      steps: [
        { words: ['Let me', ' look.'], calls: [{ name: 'weather', input: { city: 'Oslo' } }] },
        { words: ['It rains.'] },
      ],
    };
    const reply = await chat(agent.url, 'How is the weather?');
    expect(reply.text).toBe('Let me look.\n\nIt rains.');
    expect(reply.finishReason).toBe('stop');
    expect(provider.lastAsked.results).toHaveLength(1);
    expect(provider.lastAsked.results[0]).toMatch(/rain.*Oslo/);
  });

  it('adds the usage of all steps up', async () => {
    const call = { calls: [{ name: 'weather', input: { city: 'Oslo' } }] };
    provider.behaviour = { kind: 'steps', steps: [call, call, { words: ['done'] }] };
    expect((await chat(agent.url, 'hi')).usage).toMatchObject({ prompt_tokens: 21, completion_tokens: 9 });
  });

  it('calls several tools of one step', async () => {
    const calls = ['Oslo', 'Rome', 'Lima'].map((city) => ({ name: 'weather', input: { city } }));
    provider.behaviour = { kind: 'steps', steps: [{ calls }, { words: ['done'] }] };
    await chat(agent.url, 'hi');
    expect(provider.lastAsked.results).toHaveLength(3);
    expect(door.calls.map(({ input }) => input)).toEqual(expect.arrayContaining(calls.map(({ input }) => input)));
  });

  it.each([
    ['a refusal of the door', { name: 'weather', input: { city: 'Atlantis' } }, 'Atlantis is unknown'],
    ['a tool that is not there', { name: 'teleport', input: {} }, /teleport/],
    ['a refusal of a tool of its own', { name: 'memory_read', input: { name: '../SOUL' } }, 'letters, digits'],
    ['an input of the wrong form', { name: 'memory_write', input: { name: 7 } }, "'name' must be a text"],
  ])('tells the model of %s, and the turn goes on', async (_case, call, words) => {
    door.answer = () => ({ status: 422, body: { error: { code: 'unknown_city', message: 'Atlantis is unknown' } } });
    provider.behaviour = { kind: 'steps', steps: [{ calls: [call] }, { words: ['I see.'] }] };
    expect((await chat(agent.url, 'hi')).text).toBe('I see.');
    expect(provider.lastAsked.results[0]).toMatch(words);
  });

  it('makes a model that never stops calling tools answer in the end', async () => {
    provider.behaviour = {
      kind: 'model',
      step: ({ tools, results }) =>
        tools.length > 0
          ? { calls: [{ name: 'weather', input: { city: 'Oslo' } }] }
          : { words: [`enough after ${results.length}`] },
    };
    expect((await chat(agent.url, 'hi')).text).toBe('enough after 23');
  });

  it('waits for a tool longer than it would for a silent provider', async () => {
    door.answer = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return { status: 200, body: { output: 'slow' } };
    };
    provider.behaviour = {
      kind: 'steps',
      steps: [{ calls: [{ name: 'weather', input: { city: 'Oslo' } }] }, { words: ['fine'] }],
    };
    expect((await chat(agent.url, 'hi')).text).toBe('fine');
  });

  it('cuts an output that is too long', async () => {
    door.answer = () => ({ status: 200, body: { output: 'x'.repeat(200_000) } });
    provider.behaviour = {
      kind: 'steps',
      steps: [{ calls: [{ name: 'weather', input: { city: 'Oslo' } }] }, { words: ['fine'] }],
    };
    await chat(agent.url, 'hi');
    expect(provider.lastAsked.results[0]?.length).toBeLessThan(33_000);
    expect(provider.lastAsked.results[0]).toContain('[cut: 168000 more characters]');
  });
});

describe('the agent door', () => {
  const provider = new ProviderServer('openai');
  const door = new DoorServer();
  let workspace: string;
  let agent: AgentProgram;

  beforeEach(async () => {
    await Promise.all([provider.start(), door.start()]);
    workspace = await temporaryFolder();
    door.list = { status: 200, body: { tools: [WEATHER] } };
    door.answer = () => ({ status: 200, body: { output: 'sun' } });
    door.listed = 0;
    door.calls.length = 0;
    provider.behaviour = {
      kind: 'model',
      step: ({ tools, results }) =>
        results.length === 0 && tools.includes('weather')
          ? { calls: [{ name: 'weather', input: { city: 'Oslo' } }] }
          : { words: ['done'] },
    };
    agent = await AgentProgram.start({
      program,
      workspace,
      provider: 'openai',
      baseUrl: provider.url,
      environment: { ROOKERY_DOOR_URL: door.url },
    });
  });

  afterEach(async () => {
    await agent.stop('SIGKILL');
    await Promise.all([provider.stop(), door.stop()]);
    await removeFolder(workspace);
  });

  it("is called with the agent's token, for the peer and session of the turn", async () => {
    await chat(agent.url, 'hi', { session: 's1', peer: 'älice', turn: 0 });
    await chat(agent.url, 'hi');
    expect(door.calls).toEqual([
      { name: 'weather', key: LLM_TOKEN, input: { city: 'Oslo' }, context: { peerId: 'älice', sessionId: 's1' } },
      { name: 'weather', key: LLM_TOKEN, input: { city: 'Oslo' }, context: {} },
    ]);
  });

  it('is asked for its tools once for turns that follow each other', async () => {
    for (let nr = 0; nr < 3; nr += 1) await chat(agent.url, 'hi');
    expect(door.listed).toBe(1);
  });

  it.each([
    ['fails', { status: 500, body: {} }],
    ['answers garbage', { status: 200, body: '<html>' }],
    ['answers something else', { status: 200, body: { tools: 'none' } }],
    ['knows only malformed tools', { status: 200, body: { tools: [{ name: 'a b', inputSchema: SCHEMA }, 7, {}] } }],
    ['answers without end', { status: 200, body: JSON.stringify({ tools: [], padding: 'x'.repeat(2_000_000) }) }],
  ])('that %s fails no turn', async (_case, list) => {
    door.list = list;
    expect((await chat(agent.url, 'hi')).text).toBe('done');
    expect(provider.lastAsked.tools).toContain('memory_read');
    expect(provider.lastAsked.tools).not.toContain('weather');
  });

  it('that is gone fails no turn', async () => {
    await door.stop();
    expect((await chat(agent.url, 'hi')).text).toBe('done');
    await door.start();
  });

  it("can't take the place of the agent's own tools", async () => {
    door.list = { status: 200, body: { tools: [{ ...WEATHER, name: 'memory_read' }] } };
    provider.behaviour = {
      kind: 'steps',
      steps: [{ calls: [{ name: 'memory_read', input: { name: 'a' } }] }, { words: ['done'] }],
    };
    await chat(agent.url, 'hi');
    expect(provider.lastAsked.results[0]).toContain('no such note');
    expect(door.calls).toEqual([]);
  });

  it('is left when the client leaves', async () => {
    let left = false;
    door.answer = () => new Promise(() => undefined);
    const leaving = new AbortController();
    const asked = post(agent.url, 'hi', { signal: leaving.signal }).then(async (response) => {
      for await (const _text of textOf(response)) left = true;
    });
    while (door.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    leaving.abort();
    await asked.catch(() => (left = true));
    while (!agent.lines.some((line) => line.includes('cancelled by the client'))) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(left).toBe(true);
    expect(agent.lines.join('\n')).not.toMatch(new RegExp(`Oslo|${LLM_TOKEN}`));
  });
});

describe('a model that takes no tools', () => {
  it('is asked again without them, and no more offered any', async () => {
    const provider = new ProviderServer('openai');
    await provider.start();
    const workspace = await temporaryFolder();
    const agent = await AgentProgram.start({ program, workspace, provider: 'openai', baseUrl: provider.url });
    provider.refuses = ({ tools }) => (tools.length > 0 ? 'registry/tiny does not support tools' : undefined);
    try {
      expect((await chat(agent.url, 'hi')).text).toBe('Hello');
      expect((await chat(agent.url, 'hi')).text).toBe('Hello');
      expect(provider.asked.map(({ tools }) => tools.length > 0)).toEqual([true, false, false]);
    } finally {
      await agent.stop();
      await provider.stop();
      await removeFolder(workspace);
    }
  });
});

describe('a budget that is used up', () => {
  it.each(WIRES)('ends the turn at once and with its own code, from %s', async (wire) => {
    const provider = new ProviderServer(wire);
    await provider.start();
    const workspace = await temporaryFolder();
    const environment = { ROOKERY_PROVIDER_RETRIES: '3' };
    const agent = await AgentProgram.start({ program, workspace, provider: wire, baseUrl: provider.url, environment });
    const headers = { 'x-rookery-error': 'budget_exceeded' };
    provider.behaviour = {
      kind: 'status',
      status: 429,
      message: 'budget_exceeded: the daily budget has no room',
      headers,
    };
    try {
      const { error } = await chat(agent.url, 'hi');
      expect(error).toEqual({ code: 'budget_exceeded', message: 'The daily budget has no room' });
      expect(provider.asked).toHaveLength(1);
    } finally {
      await agent.stop();
      await provider.stop();
      await removeFolder(workspace);
    }
  });
});
