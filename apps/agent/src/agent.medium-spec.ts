import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { handleDemoModel } from '#libs/demo-model';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import {
  AgentProgram,
  buildAgent,
  GATEWAY_TOKEN,
  LLM_TOKEN,
  removeFolder,
  temporaryFolder,
} from '../test/agent-program.js';
import { assistant, chat, post, textOf, user } from '../test/chat-client.js';

const model = createServer((req, res) => void handleDemoModel(req, res, { wordDelayMs: 0 }));
let program: string;
let workspace: string;
let agent: AgentProgram;

beforeAll(async () => {
  program = await buildAgent();
  model.listen(0, '127.0.0.1');
  await once(model, 'listening');
}, 60_000);

afterAll(async () => {
  model.closeAllConnections();
  model.close();
  await removeFolder(dirname(program));
});

beforeEach(async () => {
  workspace = await temporaryFolder();
  agent = await start();
});

afterEach(async () => {
  await agent.stop('SIGKILL');
  await removeFolder(workspace);
});

const start = (environment: Record<string, string> = {}, writable = true): Promise<AgentProgram> =>
  AgentProgram.start({
    program,
    workspace,
    provider: 'demo',
    baseUrl: `http://127.0.0.1:${(model.address() as AddressInfo).port}`,
    environment,
    writable,
  });

async function restart(signal: 'SIGTERM' | 'SIGKILL', environment: Record<string, string> = {}): Promise<void> {
  await agent.stop(signal);
  agent = await start(environment);
}

const ask = async (text: string, turn: number, session = 's1', peer?: string): Promise<string> =>
  (await chat(agent.url, text, { session, turn, ...(peer === undefined ? {} : { peer }) })).text;

describe('the door', () => {
  it('tells who it is without a token', async () => {
    const response = await fetch(`${agent.url}/healthz`);
    expect(await response.json()).toEqual({ status: 'ok', agentId: 'agent-1', nonce: 'nonce-1' });
    expect((await fetch(`${agent.url}/readyz`)).status).toBe(200);
  });

  it.each(['', 'wrong', `${GATEWAY_TOKEN}x`, LLM_TOKEN])('refuses the token "%s" with 401', async (token) => {
    const response = await post(agent.url, 'hi', { token });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { code: 'unauthorized' } });
  });

  it.each([
    ['POST', '/v1/chat/completions', '{"messages":', 400, 'bad_request'],
    ['POST', '/v1/chat/completions', '{"messages":[]}', 400, 'bad_request'],
    ['POST', '/v1/chat/completions', 'x'.repeat(9 * 1024 * 1024), 413, 'payload_too_large'],
    ['GET', '/v1/chat/completions', undefined, 405, 'method_not_allowed'],
    ['POST', '/v1/skills/discard', '{"skills":["../memory"]}', 400, 'bad_request'],
    ['POST', '/v1/skills/discard', '{"skills":"weather"}', 400, 'bad_request'],
    ['POST', '/v1/skills/discard', 'x'.repeat(100_000), 413, 'payload_too_large'],
    ['GET', '/v1/models', undefined, 404, 'not_found'],
    ['GET', '/healthz/../etc/passwd', undefined, 404, 'not_found'],
  ])('answers %s %s with its own error', async (method, path, body, status, code) => {
    const headers = { authorization: `Bearer ${GATEWAY_TOKEN}` };
    const response = await fetch(`${agent.url}${path}`, { method, headers, body: body ?? null });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code } });
  });
});

describe('skills that the control plane takes back', () => {
  const discard = async (skills: readonly string[], token = GATEWAY_TOKEN): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` };
    const body = JSON.stringify({ skills });
    return (await fetch(`${agent.url}/v1/skills/discard`, { method: 'POST', headers, body })).status;
  };

  it('are gone when the agent answers, the others are not, and neither is what a link leads to', async () => {
    for (const name of ['leaky', 'tone', 'outside'])
      await mkdir(join(workspace, 'skills', name, 'scripts'), { recursive: true });
    await writeFile(join(workspace, 'skills/leaky/scripts/leak.sh'), 'echo');
    await rename(join(workspace, 'skills/outside'), join(workspace, 'outside'));
    await symlink(join(workspace, 'outside'), join(workspace, 'skills/outside'));
    expect(await discard(['leaky'], 'wrong')).toBe(401);
    expect(await readdir(join(workspace, 'skills'))).toEqual(['leaky', 'outside', 'tone']);
    expect(await discard(['leaky', 'outside', 'never-there'])).toBe(204);
    expect(await readdir(join(workspace, 'skills'))).toEqual(['outside', 'tone']);
    expect(await readdir(join(workspace, 'outside'))).toEqual(['scripts']);
  });
});

describe('sessions', () => {
  it('remember what was said', async () => {
    await ask('My cat is called Tom', 0);
    expect(await ask('What did I say before?', 2)).toContain('"My cat is called Tom"');
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('outlive a restart by %s', async (signal) => {
    await ask('My cat is called Tom', 0);
    await restart(signal);
    expect(await ask('What did I say before?', 2)).toContain('"My cat is called Tom"');
  });

  it('are never mixed between peers, sessions or callers without a peer', async () => {
    await ask('The secret of alice', 0, 's1', 'alice');
    for (const [session, peer] of [
      ['s1', 'bob'],
      ['s1', undefined],
      ['s2', 'alice'],
    ] as const) {
      expect(await ask('What did I say before?', 0, session, peer)).toContain('have not said anything');
    }
    expect(await ask('What did I say before?', 2, 's1', 'alice')).toContain('The secret of alice');
  });

  it('ask for the history when the counts differ, and take it', async () => {
    const refused = await post(agent.url, 'What did I say before?', { session: 's1', turn: 2 });
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ error: { code: 'history_required', messages: 2 } });
    const history = [user('I live in Oslo'), assistant('Nice'), user('What did I say before?')];
    const refilled = await chat(agent.url, history, { session: 's1', turn: 2, refill: true });
    expect(refilled.text).toContain('"I live in Oslo"');
    expect(await ask('And what did I say before?', 4)).toContain('"I live in Oslo"');
  });

  it('count what came before a refill that holds the newest messages only', async () => {
    const newest = [user('I live in Oslo'), assistant('Nice'), user('hello')];
    await chat(agent.url, newest, { session: 's1', turn: 5000, refill: true });
    expect(await ask('What did I say before?', 5002)).toContain('"I live in Oslo"');
  });

  it('ask for the history after a turn that the client left', async () => {
    await ask('one', 0);
    const leaving = new AbortController();
    const options = { session: 's1', turn: 2, signal: leaving.signal };
    await textOf(await post(agent.url, '[[slow 1000x10ms]]', options)).next();
    leaving.abort();
    // Postgres now holds the message and the part of the reply that arrived.
    expect((await post(agent.url, 'again', { session: 's1', turn: 4 })).status).toBe(409);
  });

  it.each(['[[cut 2]]', '[[fail 500]]'])('ask for the history after %s', async (command) => {
    await ask('one', 0);
    expect((await chat(agent.url, command, { session: 's1', turn: 2 })).error).toBeDefined();
    expect((await post(agent.url, 'again', { session: 's1', turn: 3 })).status).toBe(409);
    expect((await post(agent.url, 'again', { session: 's1', turn: 4 })).status).toBe(409);
    expect(await ask('What did I say before?', 2)).toContain('"one"');
  });

  it('start anew when their file is damaged', async () => {
    await ask('one', 0);
    await agent.stop('SIGTERM');
    await writeFile(join(workspace, '.state', 'transcripts.sqlite'), 'not a database at all, whatever its name says');
    agent = await start();
    expect((await post(agent.url, 'two', { session: 's1', turn: 2 })).status).toBe(409);
    expect(await ask('two', 0)).toContain('"two"');
  });
});

describe('the personality', () => {
  it('acts from the next turn on', async () => {
    expect(await ask('Who are you?', 0)).toContain('test-agent');
    await writeFile(join(workspace, 'SOUL.md'), 'Your name is Ada.');
    expect(await ask('Who are you?', 2)).toContain('I am Ada.');
    await writeFile(join(workspace, 'SOUL.md'), 'Your name is Grace.');
    expect(await ask('Who are you?', 4)).toContain('I am Grace.');
  });

  it('is bounded, whatever the file holds', async () => {
    await writeFile(join(workspace, 'IDENTITY.md'), 'ä'.repeat(1024 * 1024));
    const prompt = await ask('[[system]]', 0);
    expect(prompt.length).toBeLessThan(70_000);
    expect(prompt).not.toContain('\uFFFD');
  });

  it('never leads outside of the workspace, nor waits for a pipe', async () => {
    await symlink('/etc/passwd', join(workspace, 'SOUL.md'));
    execFileSync('mkfifo', [join(workspace, 'IDENTITY.md')]);
    await mkdir(join(workspace, 'WORKFLOW.md'));
    expect(await ask('[[system]]', 0)).not.toMatch(/root:|IDENTITY|WORKFLOW/);
  });
});

describe('the process', () => {
  it('keeps its state in .state, closed to others', async () => {
    await ask('one', 0);
    expect(await readdir(workspace)).toEqual(['.state']);
    expect((await stat(join(workspace, '.state'))).mode & 0o777).toBe(0o700);
  });

  it('lets a running turn end before it stops, and exits with 0', async () => {
    const response = await post(agent.url, '[[slow 20x20ms]]');
    const texts = textOf(response);
    await texts.next();
    const stopped = agent.stop('SIGTERM');
    let last = '';
    for await (const text of texts) last = text;
    expect(last).toBe('word20');
    expect(await stopped).toBe(0);
  });

  it('ends a turn that takes too long to drain, and says so', async () => {
    await restart('SIGTERM', { ROOKERY_DRAIN_MS: '100' });
    const reading = chat(agent.url, '[[slow 1000x20ms]]', { session: 's1', turn: 0 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await agent.stop('SIGTERM')).toBe(0);
    expect((await reading).error?.code).toBe('agent_stopping');
  });

  it('works where nothing may be written, without a memory that lasts', async () => {
    await agent.stop();
    agent = await start({}, false);
    await ask('one', 0);
    expect(await ask('What did I say before?', 2)).toContain('"one"');
    expect(agent.lines.join('\n')).toContain('kept in memory only');
  });

  it('uses a compile cache it may not write without complaint', async () => {
    await restart('SIGTERM', { ROOKERY_COMPILE_CACHE: '/nowhere/at/all' });
    expect(await ask('one', 0)).toContain('"one"');
    expect(await agent.stop()).toBe(0);
  });

  it('fills a compile cache it may write', async () => {
    await restart('SIGTERM', { ROOKERY_COMPILE_CACHE: join(workspace, 'cache') });
    await ask('one', 0);
    await agent.stop();
    expect(await readdir(join(workspace, 'cache'), { recursive: true })).not.toHaveLength(0);
  });

  it('does not start on a wrong environment, and names what is wrong without its value', async () => {
    const environment = { ROOKERY_LLM_PROVIDER: 'skynet', ROOKERY_GATEWAY_TOKEN: '' };
    const failure = await start(environment).then(
      () => 'it started',
      (error: unknown) => String(error),
    );
    expect(failure).toMatch(/ROOKERY_LLM_PROVIDER must be[\s\S]*ROOKERY_GATEWAY_TOKEN is missing/);
    expect(failure).not.toContain('skynet');
  });
});
