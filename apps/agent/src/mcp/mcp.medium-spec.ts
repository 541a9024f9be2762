import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { dirname, resolve } from 'node:path';
import { ECHO, McpTestServer, type McpTool, eventually, textResult } from '#libs/testing';
import { AgentProgram, buildAgent, LLM_TOKEN, removeFolder, temporaryFolder } from '../../test/agent-program.js';
import { chat } from '../../test/chat-client.js';
import { ProviderServer, type Step } from '../../test/provider-server.js';

const provider = new ProviderServer('openai');
const server = new McpTestServer();
let program: string;
let workspace: string;
let agent: AgentProgram;

beforeAll(async () => {
  program = await buildAgent();
  await provider.start();
}, 60_000);

afterAll(async () => {
  await provider.stop();
  await removeFolder(dirname(program));
});

beforeEach(async () => {
  await server.start();
  server.tools = [ECHO];
  server.seen.length = 0;
  provider.asked.length = 0;
  workspace = await temporaryFolder();
});

afterEach(async () => {
  await agent.stop('SIGKILL');
  await server.stop();
  await removeFolder(workspace);
});

/** The server answers at the place of the door, under every path. */
async function start(
  servers: object,
  options: { runtime?: string; environment?: Record<string, string> } = {},
): Promise<void> {
  const { runtime = 'process' } = options;
  agent = await AgentProgram.start({
    program,
    workspace,
    provider: 'openai',
    baseUrl: provider.url,
    inContainer: runtime === 'docker',
    environment: {
      ROOKERY_DOOR_URL: server.url.replace(/\/mcp$/, '/door'),
      ROOKERY_RUNTIME: runtime,
      ROOKERY_MCP_SERVERS: JSON.stringify(servers),
      ...options.environment,
    },
  });
}

const uses = (...calls: { name: string; input: object }[]): void => {
  const steps: Step[] = [...calls.map((call) => ({ calls: [call] })), { words: ['done'] }];
  provider.behaviour = { kind: 'steps', steps };
};
const say = async (text = 'hi'): Promise<string> => (await chat(agent.url, text)).text;
const results = (): readonly string[] => provider.lastAsked.results;
const ways = (): string[] => server.seen.filter(({ url }) => url.includes('/mcp/')).map(({ method }) => method);
const HTTP = { search: { transport: 'http' } };
const ECHO_CALL = { name: 'search_echo', input: { text: 'x' } };

describe('tools of MCP servers', () => {
  it('are called by the model, through the door, with the token of the agent', async () => {
    await start(HTTP);
    uses({ name: 'search_echo', input: { text: 'Oslo' } });
    expect(await say()).toBe('done');
    expect(results()).toEqual(['echo: Oslo']);
    expect(provider.asked[0]?.tools).toContain('search_echo');
    const through = server.seen.filter(({ url }) => url === '/door/mcp/search');
    expect(through.length).toBeGreaterThan(3);
    for (const { headers } of through) expect(headers.authorization).toBe(`Bearer ${LLM_TOKEN}`);
    expect(agent.lines.join('\n')).not.toContain(LLM_TOKEN);
  });

  it('keep their session between turns, and end it with the agent', async () => {
    await start(HTTP);
    for (let turn = 0; turn < 3; turn += 1) {
      uses(ECHO_CALL);
      await say();
    }
    expect(server.openSessions).toBe(1);
    const messages = ways().filter((method) => method === 'POST');
    expect(messages).toHaveLength(6);
    await agent.stop();
    expect(server.openSessions).toBe(0);
  });

  it('open another session where the server has forgotten theirs, within the same call', async () => {
    await start(HTTP);
    uses(ECHO_CALL);
    await say();
    server.forget();
    uses(ECHO_CALL);
    await say();
    expect(results()).toEqual(['echo: x']);
    expect(server.openSessions).toBe(1);
  });

  it('are missing while their server is away; the turn goes on, the model is told, the log too', async () => {
    await server.stop();
    await start({ ...HTTP, 'also-away': { transport: 'http' } });
    provider.behaviour = { kind: 'answer', words: ['fine'] };
    expect(await say()).toBe('fine');
    expect(provider.lastAsked.tools.filter((name) => name.includes('echo'))).toEqual([]);
    expect(provider.lastAsked.system).toContain("- search: it can't be reached");
    expect(provider.lastAsked.system).toContain('- also-away: ');
    expect(agent.lines.join('\n')).toContain("MCP server search can't be used");
  });

  it('tell the model why the edge refuses a server', async () => {
    const message = '10.0.0.1 is not on the public internet';
    server.refusal = { status: 403, body: { error: { code: 'egress_address_refused', message } } };
    await start(HTTP);
    provider.behaviour = { kind: 'answer', words: ['fine'] };
    expect(await say()).toBe('fine');
    expect(provider.lastAsked.system).toContain(`- search: ${message}`);
    expect(agent.lines.join('\n')).toContain("MCP server search can't be used: egress_address_refused");
    server.refusal = undefined;
  });

  it('fail in the eyes of the model, not of the user', async () => {
    const fails: McpTool = {
      name: 'fails',
      inputSchema: { type: 'object' },
      run: () => ({ ...textResult('no such city'), isError: true }),
    };
    const throws: McpTool = {
      name: 'throws',
      inputSchema: { type: 'object' },
      run: () => Promise.reject(new Error('broken inside')),
    };
    server.tools = [fails, throws];
    await start(HTTP);
    uses({ name: 'search_fails', input: {} }, { name: 'search_throws', input: {} });
    expect(await say()).toBe('done');
    expect(results().join()).toContain('no such city');
    expect(results().join()).toContain('broken inside');
  });

  it('get fitting names, and bounds on what they say of themselves and give back', async () => {
    const tool = (name: string, more: Partial<McpTool> = {}): McpTool => ({
      name,
      inputSchema: { type: 'object' },
      run: () => textResult('y'.repeat(200_000)),
      ...more,
    });
    server.tools = [
      tool('a.b'),
      tool('x'.repeat(100)),
      tool('big', { inputSchema: { type: 'object', description: 'z'.repeat(20_000) } }),
      ...Array.from({ length: 150 }, (_, n) => tool(`t${n}`)),
    ];
    await start(HTTP);
    uses({ name: 'search_t0', input: {} });
    await say();
    const names = provider.lastAsked.tools.filter((name) => name.startsWith('search_'));
    expect(names).toHaveLength(100);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    expect(names).not.toContain('search_big');
    expect(results()[0]?.length).toBeLessThan(33_000);
  });

  it('follow a server that changes what it offers', async () => {
    await start(HTTP);
    uses(ECHO_CALL);
    await say();
    await eventually(() => ways().includes('GET'));
    server.tools = [ECHO, { ...ECHO, name: 'later' }];
    await server.announceTools();
    await eventually(async () => {
      provider.behaviour = { kind: 'answer', words: ['fine'] };
      await say();
      return provider.lastAsked.tools.includes('search_later');
    });
  });

  it('end at once with a user who leaves', async () => {
    let ended: () => void = () => undefined;
    const left = new Promise<void>((done) => (ended = done));
    let began: () => void = () => undefined;
    const running = new Promise<void>((done) => (began = done));
    server.tools = [
      {
        name: 'endless',
        inputSchema: { type: 'object' },
        run: (_input, { signal }) => {
          signal.addEventListener('abort', () => ended());
          began();
          return new Promise(() => undefined);
        },
      },
    ];
    await start(HTTP);
    uses({ name: 'search_endless', input: {} });
    const leaving = new AbortController();
    const turn = chat(agent.url, 'hi', { signal: leaving.signal }).catch(() => undefined);
    await running;
    leaving.abort();
    await turn;
    await left;
  });

  it('do not take the place of tools of the agent itself', async () => {
    server.tools = [{ ...ECHO, name: 'write' }];
    await start({ memory: { transport: 'http' } });
    uses({ name: 'memory_write', input: { name: 'notes', content: 'x' } });
    await say();
    expect(results().join()).not.toContain('echo');
  });
});

describe('programs beside the agent', () => {
  const PROGRAM = resolve('apps/agent/test/mcp-stdio-server.mjs');
  const BESIDE = {
    beside: { transport: 'stdio', command: process.execPath, args: [PROGRAM, 'a b', '$HOME'], env: { MODE: 'x' } },
  };

  it('run in docker, with an environment of nothing but their own', async () => {
    await start(BESIDE, { runtime: 'docker', environment: { PATH: '/usr/bin:/bin', SOMETHING: 'else' } });
    uses({ name: 'beside_environment', input: {} });
    expect(await say()).toBe('done');
    const told = JSON.parse(results()[0] ?? '') as { variables: object; arguments: string[]; folder: string };
    expect(told.variables).toEqual({ PATH: '/usr/bin:/bin', MODE: 'x' });
    expect(told.arguments).toEqual(['a b', '$HOME']);
    expect(told.folder).toBe(workspace);
    expect(agent.lines.join('\n')).toContain('MCP server beside: beside is ready');
  });

  it('that end are started again by the next turn', async () => {
    await start(BESIDE, { runtime: 'docker' });
    uses({ name: 'beside_crash', input: {} });
    expect(await say()).toBe('done');
    expect(results()[0]).toContain('failed');
    uses({ name: 'beside_environment', input: {} });
    await say();
    expect(results()[0]).toContain('variables');
  });

  it('that cannot be started are missing, and the turn goes on', async () => {
    await start({ gone: { transport: 'stdio', command: '/nowhere/tool', args: [], env: {} } }, { runtime: 'docker' });
    provider.behaviour = { kind: 'answer', words: ['fine'] };
    expect(await say()).toBe('fine');
    expect(provider.lastAsked.system).toContain("- gone: it can't be started or reached (ENOENT)");
  });

  it('do not run in the process runtime, whatever the environment says', async () => {
    await start(BESIDE);
    provider.behaviour = { kind: 'answer', words: ['fine'] };
    expect(await say()).toBe('fine');
    expect(provider.lastAsked.tools.filter((name) => name.startsWith('beside'))).toEqual([]);
    expect(agent.lines.join('\n')).toContain("MCP server beside (stdio) can't be used in this runtime");
  });
});
