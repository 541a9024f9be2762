import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ECHO, McpTestServer, type McpTool, eventually, textResult } from '#libs/testing';
import { ProviderServer } from '../../../../../agent/test/provider-server.js';
import { type ApiFixture, startApi } from '../../../testing/api-fixture.js';
import { type AgentoClient, agentoClient } from './agento-client.js';
import { allEvents, textOf } from './events.js';
import { type Fleet, startFleet } from '../../../testing/fleet.js';

const CANARY = 'mcp-canary-0123456789abcdef';
const provider = new ProviderServer('openai');
const server = new McpTestServer();
let api: ApiFixture;
let client: AgentoClient;

beforeAll(async () => {
  await Promise.all([provider.start(), server.start()]);
  api = await startApi();
  client = agentoClient(api, await api.organisation(), ['agents', 'events', 'secrets']);
});
afterAll(async () => {
  await api?.close();
  await Promise.all([provider.stop(), server.stop()]);
});

describe('config.mcpServers', () => {
  it('is stored, flags a running agent, is replaced as a whole and removed by null', async () => {
    const id = await client.insertAgent();
    const mcpServers = { search: { url: 'https://a.test/mcp', headers: { Authorization: 'Bearer ${secret:mcp_a}' } } };
    expect(await client.data('PATCH', `/agents/${id}`, { config: { mcpServers } })).toMatchObject({
      needsRestart: true,
    });
    expect((await client.data('GET', `/agents/${id}`)).config).toEqual({ mcpServers });
    await client.data('PATCH', `/agents/${id}`, { config: { mcpServers: { other: { url: 'https://b.test' } } } });
    expect((await client.data('GET', `/agents/${id}`)).config).toEqual({
      mcpServers: { other: { url: 'https://b.test' } },
    });
    await client.data('PATCH', `/agents/${id}`, { config: { mcpServers: null } });
    expect((await client.data('GET', `/agents/${id}`)).config).toEqual({});
  });

  it.each([
    ['another form', [], /config\.mcpServers:? must be an object/],
    ['a wrong name', { 'A b': { url: 'https://a.test' } }, /config\.mcpServers\.….*lower-case/],
    ['no address', { a: {} }, /config\.mcpServers\.a.*url or command/],
    [
      'another scheme',
      { a: { url: 'file:///etc/passwd' } },
      /config\.mcpServers\.a\.url:? must be an http or https URL/,
    ],
    ['a plain secret', { a: { url: 'https://a.test', headers: { Authorization: 'Bearer abc' } } }, /mcp_/],
    ['the key of a provider', { a: { url: 'https://a.test', headers: { 'X-A': '${secret:openai_api_key}' } } }, /mcp_/],
    ['a program in this runtime', { a: { command: 'node' } }, /config\.mcpServers\.a\.command.*docker/],
  ])('is refused with %s, at creation and later, and nothing changes', async (_what, mcpServers, message) => {
    const id = await client.insertAgent();
    const config = { llmProvider: 'demo', mcpServers };
    await client.refused(400, 'validation_error', ['PATCH', `/agents/${id}`, { config }], message);
    await client.refused(400, 'validation_error', ['POST', '/agents', { name: 'A', secrets: {}, config }], message);
  });

  it('has secrets of its own, written and deleted by name', async () => {
    const id = await client.insertAgent({ config: { llmProvider: 'demo' } });
    const path = `/agents/${id}/secrets`;
    expect(await client.data('PUT', path, { secrets: { mcp_a: CANARY } })).toMatchObject({ updated: true });
    expect(await client.data('PUT', path, { deleteSecrets: ['mcp_a'] })).toMatchObject({ updated: true });
    for (const name of ['mcp', 'mcp_', 'mcp_A', 'mcp-a', 'my_token']) {
      const answer = await client.refused(400, 'validation_error', ['PUT', path, { secrets: { [name]: CANARY } }]);
      expect(JSON.stringify(answer.body)).not.toContain(CANARY);
    }
  });
});

describe('tools of MCP servers in a chat', () => {
  let fleet: Fleet;
  let id: string;

  beforeAll(async () => {
    fleet = await startFleet(api, {
      LOG_LEVEL: 'debug',
      OPENAI_BASE_URL: provider.url,
      EGRESS_ALLOW_CIDRS: '127.0.0.1/32',
    });
    const mcpServers = {
      search: { url: server.url, headers: { Authorization: 'Bearer ${secret:mcp_search}' } },
      inner: { url: 'http://10.255.255.1/mcp' },
    };
    const config = { llmProvider: 'openai', mcpServers };
    const secrets = { openaiApiKey: 'sk-test-0123456789' };
    id = String((await client.data('POST', '/agents', { name: 'Ada', secrets, config })).id);
    await client.data('PUT', `/agents/${id}/secrets`, { secrets: { mcp_search: CANARY } });
    const headers: McpTool = {
      ...ECHO,
      name: 'headers',
      run: (_input, sent) => textResult(JSON.stringify(sent.headers)),
    };
    server.tools = [ECHO, headers];
    provider.behaviour = { kind: 'answer', words: ['fine'] };
    // a turn on a busy machine goes without a server that takes its time, and the next ones leave it alone for a while
    await eventually(async () => (await say('Are you ready?')) === 'fine' && offersSearch(), {
      timeoutMs: 50_000,
      intervalMs: 1_000,
    });
  }, 120_000);
  afterAll(() => fleet?.stop());

  const say = async (message: string): Promise<string> => {
    const answer = await api.open('POST', `/v1/agents/${id}/chat/messages`, {
      apiKey: client.org.apiKey,
      body: { message },
    });
    return textOf(await allEvents(answer));
  };
  const offersSearch = (): boolean => provider.lastAsked.tools.includes('search_echo');
  const filesWith = (text: string): string[] => {
    const { stdout } = spawnSync('grep', ['-r', '-l', '-F', text, fleet.dataDir], { encoding: 'utf8' });
    return stdout.split('\n').filter((line) => line !== '');
  };

  it('reach the reply, with a secret that only the server sees', async () => {
    provider.behaviour = {
      kind: 'model',
      step: ({ results }) => {
        if (results.length === 0) return { calls: [{ name: 'search_echo', input: { text: 'Oslo' } }] };
        if (results.length === 1) return { calls: [{ name: 'search_headers', input: {} }] };
        return { words: [`The server said: ${results.join(' ')}`] };
      },
    };
    const reply = await say('How is Oslo?');
    expect(reply).toContain('echo: Oslo');
    expect(reply).toContain('Bearer [secret]');
    expect(server.seen.length).toBeGreaterThan(0);
    for (const { headers } of server.seen) expect(headers.authorization).toBe(`Bearer ${CANARY}`);
    expect(reply).not.toContain(CANARY);
    expect(JSON.stringify(provider.asked)).not.toContain(CANARY);
  });

  it('leave no trace of the secret in environment, disk, logs or answers', async () => {
    const { pid } = JSON.parse(readFileSync(join(fleet.dataDir, 'agents', id, 'identity.json'), 'utf8')) as {
      pid: number;
    };
    if (existsSync('/proc')) {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      const servers = /ROOKERY_MCP_SERVERS=([^\0]*)/.exec(environment)?.[1] ?? '';
      expect(JSON.parse(servers)).toEqual({ search: { transport: 'http' }, inner: { transport: 'http' } });
      expect(environment).not.toContain(CANARY);
      expect(environment).not.toContain(server.url);
    }
    expect(filesWith('ROOKERY_MCP_SERVERS')).not.toEqual([]);
    expect(filesWith(CANARY)).toEqual([]);
    let logs = '';
    await eventually(async () => {
      logs = String((await client.data('GET', `/agents/${id}/logs?tail=1000`)).logs);
      return logs.includes('tool search_headers answered');
    });
    expect(fleet.output()).toContain('the edge is open');
    for (const text of [logs, fleet.output(), JSON.stringify(await client.data('GET', `/agents/${id}`))]) {
      expect(text).not.toContain(CANARY);
    }
  });

  it('are missing where their address is private, and the model knows why', async () => {
    provider.behaviour = { kind: 'answer', words: ['fine'] };
    expect(await say('And the intranet?')).toBe('fine');
    expect(provider.lastAsked.system).toContain('- inner: 10.255.255.1 is not on the public internet');
    expect(provider.lastAsked.tools).toContain('search_echo');
    expect(provider.lastAsked.tools.filter((name) => name.startsWith('inner'))).toEqual([]);
  });

  it('change with the config by a restart, and are gone at once where their server was removed', async () => {
    const change = { config: { mcpServers: { found: { url: server.url } } } };
    expect(await client.data('PATCH', `/agents/${id}`, change)).toMatchObject({ needsRestart: true });
    server.forget();
    provider.behaviour = {
      kind: 'model',
      step: ({ results }) =>
        results.length === 0
          ? { calls: [{ name: 'search_echo', input: { text: 'x' } }] }
          : { words: [results.join(' ')] },
    };
    expect(await say('Once more')).toMatch(/failed.*not found/i);
    await client.data('POST', `/agents/${id}/restart`);
    expect(await client.data('GET', `/agents/${id}`)).toMatchObject({ status: 'running', needsRestart: false });
    provider.behaviour = { kind: 'answer', words: ['fine'] };
    await eventually(
      async () => (await say('And now?')) === 'fine' && provider.lastAsked.tools.includes('found_echo'),
      {
        timeoutMs: 50_000,
        intervalMs: 1_000,
      },
    );
    expect(provider.lastAsked.tools).not.toContain('search_echo');
  }, 90_000);
});
