import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AgentProgram, buildAgent, LLM_TOKEN, removeFolder, temporaryFolder } from '../test/agent-program.js';
import { assistant, chat, post, system, textOf, user } from '../test/chat-client.js';
import { type Behaviour, ProviderServer, type WireName } from '../test/provider-server.js';

const WIRES: readonly WireName[] = ['openai', 'anthropic', 'google'];
let program: string;

beforeAll(async () => {
  program = await buildAgent();
}, 60_000);

afterAll(() => removeFolder(dirname(program)));

describe.each(WIRES)('the agent and a provider that speaks %s', (wire) => {
  const provider = new ProviderServer(wire);
  let workspace: string;
  let agent: AgentProgram;

  beforeAll(async () => {
    await provider.start();
    workspace = await temporaryFolder();
    await writeFile(join(workspace, 'SOUL.md'), 'You are Ada.');
    await writeFile(join(workspace, 'WORKFLOW.md'), 'Answer in verse.');
    const environment = {
      ROOKERY_MODEL: 'model-x',
      ROOKERY_TEMPERATURE: '0.5',
      ROOKERY_MAX_TOKENS: '77',
      ROOKERY_PROVIDER_TIMEOUT_MS: '1000',
    };
    agent = await AgentProgram.start({ program, workspace, provider: wire, baseUrl: provider.url, environment });
  }, 30_000);

  beforeEach(() => {
    provider.behaviour = { kind: 'answer', words: ['Hello', ' dear', ' world'] };
  });

  afterAll(async () => {
    await agent.stop();
    await provider.stop();
    await removeFolder(workspace);
  });

  it('streams the answer and ends with the usage', async () => {
    expect(await chat(agent.url, 'hi')).toEqual({
      text: 'Hello dear world',
      error: undefined,
      finishReason: 'stop',
      usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
      done: true,
    });
  });

  it('gives the whole answer at once when no stream is asked for', async () => {
    const response = await post(agent.url, 'hi', { stream: false });
    expect(await response.json()).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant', content: 'Hello dear world' }, finish_reason: 'stop' }],
      usage: { total_tokens: 10 },
    });
  });

  it('asks with its own token, the configured model and settings, the personality and the conversation', async () => {
    await chat(agent.url, [system('Today is Monday.'), user('one'), assistant('two'), user('three')]);
    const asked = provider.lastAsked;
    expect(asked).toMatchObject({ key: LLM_TOKEN, model: 'model-x', temperature: 0.5, maxTokens: 77 });
    expect(asked.system).toMatch(/test-agent[\s\S]*You are Ada\.[\s\S]*Answer in verse\.[\s\S]*Today is Monday\./);
    expect(asked.messages).toEqual([
      { role: 'user', text: 'one' },
      { role: 'assistant', text: 'two' },
      { role: 'user', text: 'three' },
    ]);
  });

  it('passes text on while the provider is still writing', async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    provider.behaviour = { kind: 'gated', words: ['first', ' second'], release: released };
    const texts = textOf(await post(agent.url, 'hi'));
    expect((await texts.next()).value).toBe('first');
    release();
    expect((await texts.next()).value).toBe(' second');
  });

  it('says when the answer hit the token limit', async () => {
    provider.behaviour = { kind: 'answer', words: ['Hello'], reason: 'length' };
    expect((await chat(agent.url, 'hi')).finishReason).toBe('length');
  });

  it('breaks off the call when the client leaves', async () => {
    const before = provider.broken;
    const leaving = new AbortController();
    provider.behaviour = { kind: 'gated', words: ['first'], release: new Promise(() => undefined) };
    const texts = textOf(await post(agent.url, 'hi', { signal: leaving.signal }));
    await texts.next();
    leaving.abort();
    await until(() => provider.broken === before + 1);
    provider.behaviour = { kind: 'answer', words: ['fine'] };
    expect((await chat(agent.url, 'hi')).text).toBe('fine');
  });

  const failures: readonly [string, Behaviour][] = [
    ['provider_auth', { kind: 'status', status: 401, message: `wrong key ${LLM_TOKEN}` }],
    ['provider_rate_limited', { kind: 'status', status: 429, message: 'slow down' }],
    ['provider_refused', { kind: 'status', status: 404, message: `no model, ${LLM_TOKEN}` }],
    ['provider_error', { kind: 'status', status: 500, message: 'oops' }],
    ['provider_rate_limited', { kind: 'error-in-stream' }],
    ['provider_error', { kind: 'early-end' }],
    ['provider_unreachable', { kind: 'cut' }],
    ['provider_timeout', { kind: 'silence' }],
  ];

  it.each(failures)('ends the stream with %s on %j', async (code, behaviour) => {
    provider.behaviour = behaviour;
    const { error, done } = await chat(agent.url, 'hi');
    expect(error?.code).toBe(code);
    expect(error?.message).not.toContain(LLM_TOKEN);
    expect(done).toBe(false);
  });

  it('answers a failure with a status when no stream was asked for', async () => {
    provider.behaviour = { kind: 'status', status: 429, message: 'slow down' };
    const response = await post(agent.url, 'hi', { stream: false });
    expect(response.status).toBe(429);
    expect(await response.json()).toMatchObject({ error: { code: 'provider_rate_limited' } });
  });

  it('logs neither what was said nor a credential', () => {
    const output = agent.lines.join('\n');
    expect(output).toContain('turn without session completed');
    expect(output).toContain('provider_auth');
    expect(output).not.toMatch(new RegExp(`Hello|Monday|${LLM_TOKEN}|wrong key`));
  });
});

describe('an agent whose provider is not there', () => {
  it('says that it is unreachable, after having tried again', async () => {
    const provider = new ProviderServer('openai');
    await provider.start();
    const baseUrl = provider.url;
    await provider.stop();
    const workspace = await temporaryFolder();
    const environment = { ROOKERY_PROVIDER_RETRIES: '1' };
    const agent = await AgentProgram.start({ program, workspace, provider: 'openai', baseUrl, environment });
    try {
      expect((await chat(agent.url, 'hi')).error?.code).toBe('provider_unreachable');
    } finally {
      await agent.stop();
      await removeFolder(workspace);
    }
  }, 30_000);
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
