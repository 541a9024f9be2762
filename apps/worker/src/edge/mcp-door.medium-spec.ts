import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { signAgentToken } from '#libs/crypto';
import { newId } from '#libs/kernel';
import type { McpServers } from '#libs/mcp';
import { SecretsService } from '#libs/secrets';
import { ECHO, McpTestServer, type McpTool, type TestOrganisation, eventually, textResult } from '#libs/testing';
import { type EdgeFixture, EPOCH, startEdge } from './testing/edge-fixture.js';
import { ScriptedServer } from './testing/scripted-server.js';

const SECRET = 'mcp-canary-0123456789abcdef';

const WHOAMI: McpTool = {
  name: 'whoami',
  inputSchema: { type: 'object' },
  run: (_input, { headers }) => textResult(JSON.stringify(headers)),
};

describe('the MCP door', () => {
  const server = new McpTestServer();
  const raw = new ScriptedServer();
  let edge: EdgeFixture;
  let agent: TestOrganisation & { agentId: string };

  beforeAll(async () => {
    await Promise.all([server.start(), raw.start()]);
    edge = await startEdge({ security: { egressAllowCidrs: ['127.0.0.1/32'] } });
    agent = await edge.agent('127.0.0.1:1');
    await store({ mcp_token: SECRET });
  });
  afterAll(async () => {
    await edge?.close();
    await Promise.all([server.stop(), raw.stop()]);
  });
  afterEach(() => {
    server.tools = [ECHO];
    server.seen.length = 0;
    raw.requests.length = 0;
    raw.script = (_request, res) => void res.end('{}');
  });

  const store = (secrets: Record<string, string>, of = agent): Promise<void> =>
    edge.db.database.transaction((tx) =>
      edge.app.get(SecretsService).put(tx, of.caller, { kind: 'agent', id: of.agentId }, secrets),
    );
  const configure = (mcpServers: McpServers, of = agent): Promise<unknown> =>
    edge.db.database.query('UPDATE agents SET config = $2 WHERE id = $1', [of.agentId, JSON.stringify({ mcpServers })]);
  const tokenOf = ({ agentId, orgId }: { agentId: string; orgId: string }, epoch = EPOCH): string =>
    signAgentToken(edge.config.security.jwtSecret, { agentId, orgId, hostId: edge.config.host.id, epoch });
  const door = (name: string): string => `${edge.agentUrl}/door/mcp/${name}`;
  const call = (name: string, init: RequestInit = {}, token = tokenOf(agent)): Promise<Response> =>
    fetch(door(name), {
      method: 'POST',
      body: '{}',
      ...init,
      headers: { authorization: `Bearer ${token}`, ...init.headers },
    });
  const refusal = async (answer: Response): Promise<unknown[]> => [
    answer.status,
    ((await answer.json()) as { error: { code: string } }).error.code,
  ];

  async function connected(name: string): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
    const client = new Client({ name: 'test', version: '1' });
    const headers = { authorization: `Bearer ${tokenOf(agent)}` };
    const transport = new StreamableHTTPClientTransport(new URL(door(name)), { requestInit: { headers } });
    await client.connect(transport);
    return { client, transport };
  }

  it('carries a session of the SDK: initialize, list, call, notifications, end', async () => {
    let progress: unknown;
    server.tools = [
      ECHO,
      {
        name: 'slow',
        inputSchema: { type: 'object' },
        run: async (_input, { notify }) => {
          await notify(0.5);
          return textResult('done');
        },
      },
    ];
    await configure({ search: { url: server.url } });
    const { client, transport } = await connected('search');
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['echo', 'slow']);
    expect(await client.callTool({ name: 'echo', arguments: { text: 'hi' } })).toMatchObject(textResult('echo: hi'));
    await client.callTool({ name: 'slow' }, undefined, { onprogress: (told) => (progress = told) });
    expect(progress).toEqual({ progress: 0.5 });
    expect(transport.sessionId).toBeDefined();
    await eventually(() => server.seen.some(({ method }) => method === 'GET'));
    await transport.terminateSession();
    expect(server.openSessions).toBe(0);
    await client.close();
  });

  it('fills in secrets on the way there, and blanks them on the way back', async () => {
    server.tools = [WHOAMI];
    await configure({
      secured: {
        url: `${server.url}?api_key=\${secret:mcp_token}&plain=1`,
        headers: { Authorization: 'Bearer ${secret:mcp_token}', 'X-Team': 'blue' },
      },
    });
    const { client } = await connected('secured');
    const result = JSON.stringify(await client.callTool({ name: 'whoami' }));
    await client.close();
    const seen = server.seen.at(0);
    expect(seen?.headers).toMatchObject({ authorization: `Bearer ${SECRET}`, 'x-team': 'blue' });
    expect(new URL(seen?.url ?? '', server.url).searchParams.get('api_key')).toBe(SECRET);
    expect(result).toContain('Bearer [secret]');
    expect(result).toContain('blue');
    expect(result).not.toContain(SECRET);
    expect(JSON.stringify(server.seen)).not.toContain(tokenOf(agent));
  });

  it('blanks a secret in errors and headers too', async () => {
    raw.script = (_request, res) =>
      void res.writeHead(401, { 'mcp-session-id': `x-${SECRET}`, 'set-cookie': 'a=b' }).end(`bad token ${SECRET}`);
    await configure({ raw: { url: raw.url, headers: { 'X-Api-Key': '${secret:mcp_token}' } } });
    const answer = await call('raw');
    expect([answer.status, await answer.text()]).toEqual([401, 'bad token [secret]']);
    expect(answer.headers.get('mcp-session-id')).toBeNull();
    expect(answer.headers.get('set-cookie')).toBeNull();
  });

  it('says which secret is not stored, and takes one that is stored later at once', async () => {
    await configure({ raw: { url: raw.url, headers: { 'X-Api-Key': '${secret:mcp_later}' } } });
    expect(await refusal(await call('raw'))).toEqual([409, 'mcp_secret_missing']);
    expect(raw.requests).toHaveLength(0);
    await store({ mcp_later: 'stored-later-1' });
    await eventually(async () => (await call('raw')).status === 200);
    expect(raw.last.headers['x-api-key']).toBe('stored-later-1');
  });

  it('lets in the present instance of an agent only, and to its own servers', async () => {
    await configure({ raw: { url: raw.url } });
    const stranger = await edge.agent('127.0.0.1:1');
    expect(await refusal(await call('raw', {}, tokenOf(stranger)))).toEqual([404, 'not_found']);
    expect((await call('raw', {}, tokenOf({ agentId: agent.agentId, orgId: stranger.orgId }))).status).toBe(401);
    expect((await call('raw', {}, tokenOf(agent, EPOCH - 1))).status).toBe(401);
    expect((await call('raw', {}, 'nonsense')).status).toBe(401);
    expect((await fetch(door('raw'), { method: 'POST', body: '{}' })).status).toBe(401);
    expect((await call('raw', {}, tokenOf({ agentId: newId(), orgId: agent.orgId }))).status).toBe(401);
    expect(raw.requests).toHaveLength(0);
    expect((await call('raw')).status).toBe(200);
  });

  it('passes on what MCP needs and nothing else', async () => {
    await configure({ raw: { url: `${raw.url}/path?q=1` } });
    await call('raw', {
      headers: { 'mcp-session-id': 's1', 'mcp-protocol-version': '2025-06-18', cookie: 'a=b', 'x-other': '1' },
    });
    const { headers, url } = raw.last;
    expect(url).toBe('/path?q=1');
    expect(headers).toMatchObject({ 'mcp-session-id': 's1', 'mcp-protocol-version': '2025-06-18', host: raw.endpoint });
    for (const name of ['authorization', 'cookie', 'x-other']) expect(headers[name]).toBeUndefined();
  });

  it.each([
    ['an unknown server', 'none', {}, 404, 'not_found'],
    ['a program of the agent', 'program', {}, 404, 'not_found'],
    ['no server name', '../llm', {}, 404, 'not_found'],
    ['another method', 'raw', { method: 'PUT' }, 405, 'mcp_method_not_allowed'],
    ['too large a message', 'raw', { body: 'x'.repeat(4 * 1024 * 1024 + 1) }, 413, 'mcp_payload_too_large'],
    ['an address that is not opened', 'private', {}, 403, 'egress_address_refused'],
    ['instance metadata', 'metadata', {}, 403, 'egress_address_refused'],
    ['nobody at home', 'closed', {}, 502, 'egress_unreachable'],
  ])('refuses %s', async (_what, name, init, status, code) => {
    await configure({
      raw: { url: raw.url },
      program: { command: 'node' },
      private: { url: 'http://10.0.0.1/mcp' },
      metadata: { url: 'http://169.254.169.254/latest/meta-data' },
      closed: { url: 'http://127.0.0.1:1/' },
    });
    expect(await refusal(await call(name, init))).toEqual([status, code]);
    expect(raw.requests).toHaveLength(0);
  });

  it('does not follow a server into the private network', async () => {
    await configure({ raw: { url: raw.url } });
    raw.script = (_request, res) => void res.writeHead(307, { location: 'http://169.254.169.254/' }).end();
    expect(await refusal(await call('raw'))).toEqual([403, 'egress_address_refused']);
  });

  it('repeats a message where the server redirects within itself', async () => {
    await configure({ raw: { url: `${raw.url}/mcp` } });
    raw.script = ({ url, body }, res) =>
      url === '/mcp' ? void res.writeHead(307, { location: '/mcp/' }).end() : void res.end(body);
    expect(await (await call('raw', { body: '{"a":1}' })).text()).toBe('{"a":1}');
  });

  it('streams large messages on and events back as they come', async () => {
    await configure({ raw: { url: raw.url } });
    let goOn: () => void = () => undefined;
    const more = new Promise<void>((resolve) => (goOn = resolve));
    raw.script = async (_request, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      await more;
      res.end('data: 2\n\n');
    };
    const body = 'y'.repeat(1024 * 1024);
    const answer = await call('raw', { body });
    const reader = answer.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: 1\n\n');
    goOn();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: 2\n\n');
    expect(raw.last.body).toHaveLength(body.length);
  });

  it('tells the server when the agent leaves, and the agent when the server breaks off', async () => {
    await configure({ raw: { url: raw.url } });
    raw.script = (_request, res) => void res.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hi\n\n');
    const leaving = new AbortController();
    await call('raw', { method: 'GET', body: null, signal: leaving.signal });
    leaving.abort();
    expect(await raw.last.left).toBe(true);
    raw.script = (_request, res) => {
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' }).write('{');
      setImmediate(() => res.destroy());
    };
    const answer = await call('raw');
    await expect(answer.text()).rejects.toThrow();
  });

  it('ends an answer that is too large for an agent', async () => {
    await configure({ raw: { url: raw.url } });
    raw.script = (_request, res) => void res.end(Buffer.alloc(9 * 1024 * 1024));
    const answer = await call('raw');
    await expect(answer.arrayBuffer()).rejects.toThrow();
  });

  it('holds 64 exchanges of an agent open, not more, and makes room when one ends', async () => {
    await configure({ raw: { url: raw.url } });
    raw.script = (_request, res) => void res.writeHead(200).write('x');
    const leaving = new AbortController();
    const options = { method: 'GET', headers: { authorization: `Bearer ${tokenOf(agent)}` }, signal: leaving.signal };
    const answers = await Promise.all(
      Array.from({ length: 64 }, async () => {
        const sent = request(door('raw'), options).on('error', () => undefined);
        sent.end();
        const [answer] = (await once(sent, 'response')) as [IncomingMessage];
        answer.on('error', () => undefined);
        return answer.statusCode;
      }),
    );
    expect(new Set(answers)).toEqual(new Set([200]));
    expect(await refusal(await call('raw'))).toEqual([429, 'mcp_rate_limited']);
    leaving.abort();
    raw.script = (_request, res) => void res.end('{}');
    await eventually(async () => (await call('raw')).status === 200);
  });
});
