import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { eventually, freePort } from '#libs/testing';

const TOKEN = 'the-gateway-token';
const AGENT_TOKEN = 'the-agent-token';

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly code: string | undefined;
}

describe('the bridge to OpenClaw', () => {
  let folder: string;
  let broker: Server;
  let answer: (req: IncomingMessage, res: ServerResponse, body: string) => void;
  let asked: string[];
  let bridge: ChildProcess | undefined;
  let output: string;
  let url: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-bridge-'));
    execFileSync(process.execPath, [resolve('scripts/build-agent.mjs'), '--bridge', join(folder, 'bridge')]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  beforeEach(async () => {
    asked = [];
    answer = (_req, res) => void res.end('said');
    broker = createServer(async (req, res) => {
      let body = '';
      for await (const chunk of req) body += String(chunk);
      asked.push(`${req.headers.authorization} ${req.url} ${body}`);
      answer(req, res, body);
    });
    broker.listen(0, '127.0.0.1');
    await once(broker, 'listening');
  });
  afterEach(async () => {
    if (bridge?.exitCode === null) await ended('SIGTERM');
    bridge = undefined;
    broker.closeAllConnections();
    broker.close();
    rmSync(join(folder, 'workspace'), { recursive: true, force: true });
  });

  const install = (version: string): string => {
    const dir = join(folder, `openclaw-${version}`);
    mkdirSync(join(dir, 'dist'), { recursive: true });
    writeFileSync(join(dir, 'package.json'), JSON.stringify({ name: 'openclaw', version, type: 'module' }));
    copyFileSync(resolve('apps/agent/test/fake-openclaw.mjs'), join(dir, 'dist', 'index.js'));
    return dir;
  };
  const start = async (version = '2026.9.6', more: Record<string, string> = {}): Promise<void> => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    output = '';
    mkdirSync(join(folder, 'workspace'), { recursive: true });
    const environment = {
      ROOKERY_AGENT_ID: 'agent-1',
      ROOKERY_GATEWAY_TOKEN: TOKEN,
      ROOKERY_LLM_PROVIDER: 'openai',
      ROOKERY_LLM_BASE_URL: `http://127.0.0.1:${(broker.address() as AddressInfo).port}/llm/openai`,
      ROOKERY_LLM_TOKEN: AGENT_TOKEN,
      ROOKERY_PROVIDER_RETRIES: '0',
      ROOKERY_WORKSPACE: join(folder, 'workspace'),
      ROOKERY_PORT: String(port),
      ROOKERY_OPENCLAW_PACKAGE: install(version),
      ROOKERY_DRAIN_MS: '0',
      ...more,
    };
    const child = spawn(process.execPath, [join(folder, 'bridge', 'bridge.mjs')], { env: environment });
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    child.stderr.on('data', (chunk) => (output += String(chunk)));
    bridge = child;
  };
  const ready = (): Promise<unknown> =>
    eventually(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200, {
      timeoutMs: 20_000,
    });
  const ended = async (signal?: NodeJS.Signals): Promise<number | null> => {
    const exit = bridge?.exitCode === null ? once(bridge, 'exit') : undefined;
    if (signal) bridge?.kill(signal);
    await exit;
    return bridge?.exitCode ?? null;
  };

  const chat = async (text: string, headers: Record<string, string> = {}, earlier: object[] = []): Promise<Answer> => {
    const body = { stream: true, messages: [...earlier, { role: 'user', content: text }] };
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    const answered = await response.text();
    const frames = [...answered.matchAll(/"content":("(?:[^"\\]|\\.)*")/g)].map(
      (found) => JSON.parse(found[1]!) as string,
    );
    const code = /"code":"([a-z_]+)"/.exec(answered)?.[1];
    return { status: response.status, text: frames.join(''), code };
  };
  const session = (turn: number, more: Record<string, string> = {}): Record<string, string> => ({
    'x-openclaw-session-key': 'sess_1',
    'x-rookery-turn': String(turn),
    ...more,
  });
  const keyOf = (call: string): string => /session=(\S+)/.exec(call)?.[1] ?? '';

  it('warms up before it says that it is ready, and asks with the token of its agent', async () => {
    await start();
    await ready();
    expect(asked).toEqual([
      expect.stringMatching(/^Bearer the-agent-token \/llm\/openai\/chat\/completions .*warm-up/),
    ]);
    expect(output).toMatch(/warmed up in/);
  });

  it('goes on with a session while the counts agree, and asks for the history when they do not', async () => {
    await start();
    await ready();
    expect(await chat('one', session(0))).toMatchObject({ status: 200, text: 'main:said' });
    await chat('two', session(2));
    expect(keyOf(asked.at(-1)!)).toBe(keyOf(asked.at(-2)!));
    expect(await chat('three', session(9))).toMatchObject({ status: 409, code: 'history_required' });
    const earlier = [
      { role: 'user', content: 'old' },
      { role: 'assistant', content: 'older' },
    ];
    await chat('three', session(9, { 'x-rookery-refill': '1' }), earlier);
    expect(keyOf(asked.at(-1)!)).not.toBe(keyOf(asked.at(-2)!));
    expect(asked.at(-1)).toContain('user=old|assistant=older|user=three');
    expect(await chat('four', session(11))).toMatchObject({ status: 200 });
  });

  it('sends peers to the agent without tools, each in a session of its own', async () => {
    await start();
    await ready();
    expect(await chat('hi', session(0, { 'x-rookery-peer': 'ann' }))).toMatchObject({ text: 'peers:said' });
    await chat('hi', session(0, { 'x-rookery-peer': 'bob' }));
    expect(keyOf(asked.at(-1)!)).not.toBe(keyOf(asked.at(-2)!));
    expect((await fetch(`${url}/readyz?for=peers`)).status).toBe(200);
  });

  it('refuses peers with a version that nobody tried', async () => {
    await start('2026.9.5');
    await ready();
    expect((await fetch(`${url}/readyz?for=peers`)).status).toBe(501);
    const refused = await chat('hi', session(0, { 'x-rookery-peer': 'ann' }));
    expect(refused).toMatchObject({ status: 409, code: 'peers_unsupported' });
    expect(await chat('hi', session(0))).toMatchObject({ status: 200 });
  });

  it.each([
    [429, { error: { message: 'used up', code: 'budget_exceeded' } }, 'budget_exceeded'],
    [401, { error: { message: 'wrong key' } }, 'provider_auth'],
    [503, { error: { message: 'away' } }, 'provider_error'],
    [400, { error: { message: 'no such model' } }, 'provider_refused'],
  ])('ends a turn at once with what the provider said with %i', async (status, body, code) => {
    await start();
    await ready();
    answer = (_req, res) => void res.writeHead(status).end(JSON.stringify(body));
    expect(await chat('hi', session(0))).toMatchObject({ code });
    answer = (_req, res) => void res.end('said');
    expect(await chat('hi', session(0))).toMatchObject({ text: 'main:said' });
    expect(output).not.toMatch(/used up|wrong key|no such model|the-agent-token/);
  });

  it('ends only the turn whose call failed', async () => {
    await start();
    await ready();
    answer = (_req, res, body) =>
      body.includes('wait') ? void setTimeout(() => res.end('said'), 800) : void res.writeHead(400).end('{}');
    const waiting = chat('wait', { 'x-openclaw-session-key': 'sess_2' });
    await eventually(() => asked.some((call) => call.includes('wait')));
    expect(await chat('fail', session(0))).toMatchObject({ code: 'provider_refused' });
    expect(await waiting).toMatchObject({ text: 'main:said' });
  });

  it('keeps what is said out of its output', async () => {
    await start();
    await ready();
    answer = (_req, res) => void res.end('the canary');
    await chat('hi', session(0));
    expect(output).toContain('openclaw gateway: gateway ready');
    await eventually(() => /turn completed/.test(output));
    expect(output).not.toContain('canary');
  });

  it('ends with 78 when OpenClaw refuses its configuration, and when there is none', async () => {
    await start('2026.9.6', { ROOKERY_MODEL: 'refused-by-openclaw' });
    expect(await ended()).toBe(78);
    await start('2026.9.6', { ROOKERY_OPENCLAW_PACKAGE: '/nowhere' });
    expect(await ended()).toBe(78);
    expect(output).toContain('there is no OpenClaw in /nowhere');
  });

  it('ends OpenClaw with itself', async () => {
    await start();
    await ready();
    expect(await ended('SIGTERM')).toBe(0);
    expect(output).toContain('agent stopped');
  });
});
