import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, type Server, type Socket, connect as connectTcp, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { AgentEvent, EgressPolicy } from '#libs/agents';
import { signAgentToken, signEgressToken } from '#libs/crypto';
import { Notices } from '#libs/events';
import { type TestOrganisation, eventually } from '#libs/testing';
import { type EdgeFixture, EPOCH, startEdge } from '../testing/edge-fixture.js';
import { ScriptedServer } from '../testing/scripted-server.js';
import { MOST_TUNNELS } from './tunnels.js';

const OPENED = ['127.0.0.1/32', '::1/128'];

/** Answers each line with the same line in capitals. */
class Shouter {
  readonly sockets = new Set<Socket>();
  readonly server: Server = createServer((socket) => {
    this.sockets.add(socket.on('close', () => this.sockets.delete(socket)).on('error', () => undefined));
    socket.on('data', (bytes) => socket.write(bytes.toString().toUpperCase()));
  });

  async start(address = '127.0.0.1', port = 0): Promise<this> {
    await once(this.server.listen(port, address), 'listening');
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  stop(): void {
    this.sockets.forEach((socket) => socket.destroy());
    this.server.close();
  }
}

interface Tunnel {
  readonly status: number;
  readonly headers: string;
  /** Of a refusal. */
  readonly error: { code: string; message: string } | undefined;
  readonly socket: Socket;
}

describe('the egress proxy', () => {
  const site = new ScriptedServer();
  const shouter = new Shouter();
  let edge: EdgeFixture;
  let agent: TestOrganisation & { agentId: string };
  const opened: Socket[] = [];

  beforeAll(async () => {
    await site.start();
    await shouter.start();
    edge = await startEdge({ security: { egressAllowCidrs: OPENED } });
  });
  afterAll(async () => {
    await edge?.close();
    shouter.stop();
    await site.stop();
  });
  beforeEach(async () => {
    agent = await edge.agent('127.0.0.1:1');
    await allow(`localhost:${shouter.port}`, `localhost:${site.endpoint.split(':')[1]}`);
  });
  afterEach(() => {
    opened.splice(0).forEach((socket) => socket.destroy());
    site.script = (_request, res) => void res.end('{}');
    site.requests.length = 0;
  });

  const allow = (...allowHosts: string[]): Promise<unknown> =>
    edge.db.database.query('UPDATE agents SET config = $2 WHERE id = $1', [
      agent.agentId,
      JSON.stringify({ egress: { allowHosts } }),
    ]);
  const token = (epoch = EPOCH, of = agent): string =>
    signEgressToken(edge.config.security.jwtSecret, {
      agentId: of.agentId,
      orgId: of.orgId,
      hostId: edge.config.host.id,
      epoch,
    });
  const basic = (credential = token()): string => `Basic ${Buffer.from(`agent:${credential}`).toString('base64')}`;

  async function tunnel(target: string, authorization: string | null = basic(), extra = ''): Promise<Tunnel> {
    const socket = connectTcp(Number(new URL(edge.agentUrl).port), '127.0.0.1').on('error', () => undefined);
    opened.push(socket);
    const credential = authorization === null ? '' : `proxy-authorization: ${authorization}\r\n`;
    socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${credential}\r\n${extra}`);
    let answer = '';
    while (!answer.includes('\r\n\r\n')) answer += ((await once(socket, 'data')) as [Buffer])[0].toString('latin1');
    const [headers = '', body = ''] = answer.split(/\r\n\r\n(.*)/s);
    const status = Number(headers.split(' ')[1]);
    const error = status === 200 ? undefined : (JSON.parse(body) as { error: Tunnel['error'] }).error;
    return { status, headers, error, socket };
  }
  const home = (): string => `localhost:${shouter.port}`;
  async function shout(socket: Socket, words: string): Promise<string> {
    socket.write(words);
    return ((await once(socket, 'data')) as [Buffer])[0].toString();
  }
  const refusals = (agentId = agent.agentId): Promise<{ data: { host: string | null; reason: string } }[]> =>
    edge.db.database.query(`SELECT data FROM events WHERE thing_id = $1 AND type = $2 ORDER BY seq`, [
      agentId,
      AgentEvent.egressRefused,
    ]);
  const closed = async (socket: Socket): Promise<void> => {
    if (!socket.closed) await once(socket, 'close');
  };

  async function get(url: string, headers: Record<string, string> = {}, body?: string): Promise<IncomingMessage> {
    const { port } = new URL(edge.agentUrl);
    const method = body === undefined ? 'GET' : 'POST';
    const sent = request({
      port,
      host: '127.0.0.1',
      path: url,
      method,
      headers: { host: 'x', ...headers },
      agent: false,
    });
    sent.end(body);
    return ((await once(sent, 'response')) as [IncomingMessage])[0];
  }

  it('carries bytes both ways to an approved host, also those sent with the request', async () => {
    const { status, socket } = await tunnel(home());
    expect(status).toBe(200);
    expect(await shout(socket, 'hello')).toBe('HELLO');
    expect(await shout(socket, 'more')).toBe('MORE');
    const early = await tunnel(home(), basic(), 'early');
    expect(((await once(early.socket, 'data')) as [Buffer])[0].toString()).toBe('EARLY');
    socket.end();
    await closed(socket);
    await eventually(() => Promise.resolve(shouter.sockets.size === 1));
  });

  it('takes a bearer token too', async () => {
    expect((await tunnel(home(), `Bearer ${token()}`)).status).toBe(200);
  });

  it('lets nobody in without the token of the living instance', async () => {
    const other = await edge.agent('127.0.0.1:1');
    for (const [authorization, code] of [
      [null, 'missing_token'],
      ['Basic !!!', 'missing_token'],
      [basic('nonsense'), 'invalid_token'],
      [basic(token(EPOCH - 1)), 'stale_token'],
      [basic(token(EPOCH, { ...agent, orgId: other.orgId })), 'unknown_agent'],
    ] as const) {
      const { status, error, headers } = await tunnel(home(), authorization);
      expect([status, error?.code]).toEqual([407, code]);
      expect(headers).toMatch(/^proxy-authenticate: Basic /im);
    }
    // the token of the other doors opens none here, nor this one there
    const claims = { agentId: agent.agentId, orgId: agent.orgId, hostId: edge.config.host.id, epoch: EPOCH };
    const doorToken = signAgentToken(edge.config.security.jwtSecret, claims);
    expect((await tunnel(home(), basic(doorToken))).error?.code).toBe('invalid_token');
    const headers = { authorization: `Bearer ${token()}` };
    expect((await fetch(`${edge.agentUrl}/door/tools`, { headers })).status).toBe(401);
    // what one agent may reach says nothing about another
    expect((await tunnel(home(), basic(token(EPOCH, other)))).status).toBe(403);
    expect(shouter.sockets.size).toBe(0);
  });

  it('refuses a host that is not approved, and writes it down once', async () => {
    for (let n = 0; n < 3; n += 1) {
      const { status, error } = await tunnel('evil.example:443');
      expect([status, error?.code]).toEqual([403, 'egress_host_refused']);
      expect(error?.message).toContain('config.egress.allowHosts');
    }
    expect((await get('http://evil.example/', { 'proxy-authorization': basic() })).statusCode).toBe(403);
    expect((await refusals()).map(({ data }) => data)).toEqual([
      { host: 'evil.example', port: 443, reason: 'host_not_approved' },
      { host: 'evil.example', port: 80, reason: 'host_not_approved' },
    ]);
  });

  it('writes down twenty refused hosts and that there were more', async () => {
    for (let n = 0; n < 25; n += 1) await tunnel(`h${n}.example:443`);
    const hosts = (await refusals()).map(({ data }) => data.host);
    expect(hosts).toHaveLength(21);
    expect([hosts[19], hosts[20]]).toEqual(['h19.example', null]);
  });

  it('refuses other ports than the approved', async () => {
    await allow('localhost');
    expect((await tunnel(home())).error?.message).toContain(`Port ${shouter.port} of localhost`);
    expect((await refusals())[0]?.data).toMatchObject({ host: 'localhost', reason: 'port_not_approved' });
  });

  it('refuses an approved name that leads to a private address, however it is spelled', async () => {
    const inner = await new Shouter().start('127.0.0.2', shouter.port);
    await allow(`127.0.0.2:${shouter.port}`, 'localhost.:1', '169.254.169.254:80');
    for (const host of ['127.0.0.2', '127.2', '0x7f000002', '2130706434']) {
      const { status, error } = await tunnel(`${host}:${shouter.port}`);
      expect([status, error?.code]).toEqual([403, 'egress_address_refused']);
    }
    expect((await get('http://169.254.169.254/', { 'proxy-authorization': basic() })).statusCode).toBe(403);
    expect((await refusals()).map(({ data }) => data)).toEqual([
      { host: '127.0.0.2', port: shouter.port, reason: 'address_refused' },
      { host: '169.254.169.254', port: 80, reason: 'address_refused' },
    ]);
    expect(inner.sockets.size).toBe(0);
    inner.stop();
  });

  it.each(['localhost', 'user@localhost:1', 'localhost:99999', 'http://localhost:1', '/'])(
    'refuses the malformed target %s',
    async (target) => expect((await tunnel(target)).status).toBe(400),
  );

  it('says when an approved host does not answer', async () => {
    await allow('localhost:1', 'no-such-name.invalid');
    expect(await tunnel('localhost:1')).toMatchObject({ status: 502, error: { code: 'egress_unreachable' } });
    expect(await tunnel('no-such-name.invalid:443')).toMatchObject({ status: 502 });
    expect(await refusals()).toEqual([]);
  });

  it('passes plain requests on without the token, and answers with cookies', async () => {
    site.script = (_request, res) => void res.writeHead(201, { 'set-cookie': 'a=b' }).end('made');
    const url = `${site.url.replace('127.0.0.1', 'localhost')}/path?q=1`;
    const headers = { 'proxy-authorization': basic(), cookie: 'c=d', authorization: 'Bearer own', te: 'trailers' };
    const answer = await get(url, headers, 'sent');
    expect([answer.statusCode, await text(answer), answer.headers['set-cookie']]).toEqual([201, 'made', ['a=b']]);
    expect(site.last).toMatchObject({ method: 'POST', url: '/path?q=1', body: 'sent' });
    expect(site.last.headers).toMatchObject({ host: new URL(url).host, cookie: 'c=d', authorization: 'Bearer own' });
    expect(site.last.headers).not.toHaveProperty('proxy-authorization');
    expect(site.last.headers).not.toHaveProperty('te');
    for (const wrong of ['https://localhost/', 'ftp://localhost/', 'http://a:b@localhost/']) {
      expect((await get(wrong, headers)).statusCode).toBe(400);
    }
    expect((await get(url)).statusCode).toBe(407);
  });

  it('does not follow redirects for the agent', async () => {
    site.script = (_request, res) => void res.writeHead(302, { location: 'http://169.254.169.254/' }).end();
    const answer = await get(`${site.url.replace('127.0.0.1', 'localhost')}/`, { 'proxy-authorization': basic() });
    expect([answer.statusCode, answer.headers.location]).toEqual([302, 'http://169.254.169.254/']);
  });

  it('bounds what one agent holds open, and lets others in', async () => {
    await Promise.all(Array.from({ length: MOST_TUNNELS }, () => tunnel(home())));
    expect(await tunnel(home())).toMatchObject({ status: 429, error: { code: 'egress_too_many' } });
    const former = agent;
    agent = await edge.agent('127.0.0.1:1');
    await allow(home());
    expect((await tunnel(home())).status).toBe(200);
    opened[0]?.destroy();
    agent = former;
    expect(await eventually(async () => (await tunnel(home())).status === 200)).toBe(true);
  });

  it('cuts the tunnels of an instance that was replaced or stopped, at once when it is told', async () => {
    const { socket } = await tunnel(home());
    await edge.db.database.query('UPDATE agents SET instance_epoch = $2 WHERE id = $1', [agent.agentId, EPOCH + 1]);
    edge.app.get(Notices).notify('agent', agent.agentId);
    await closed(socket);
    const { socket: second } = await tunnel(home(), basic(token(EPOCH + 1)));
    expect(await shout(second, 'x')).toBe('X');
    // nobody tells: it looks by itself
    await edge.db.database.query('UPDATE agents SET instance_epoch = NULL WHERE id = $1', [agent.agentId]);
    await closed(second);
    await eventually(() => Promise.resolve(shouter.sockets.size === 0));
  });

  it('cuts the tunnels to a host that is approved no more, and no others', async () => {
    const other = `127.0.0.1:${shouter.port}`;
    await allow(home(), other);
    const [{ socket: lost }, { socket: kept }] = [await tunnel(home()), await tunnel(other)];
    await allow(other);
    await closed(lost);
    expect(await shout(kept, 'x')).toBe('X');
  });

  it('approves hosts for other sources, which they can take back', async () => {
    const policy = edge.app.get(EgressPolicy);
    const approve = (source: string, hosts: string[], scope = agent.scope): Promise<void> =>
      edge.db.database.transaction((tx) => policy.approve(tx, scope, agent.agentId, source, hosts));
    await allow();
    await approve('skill:a', [home(), home()]);
    await approve('skill:b', [home()]);
    const { socket, status } = await tunnel(home());
    expect(status).toBe(200);
    await approve('skill:a', []);
    expect((await tunnel(home())).status).toBe(200);
    await approve('skill:b', []);
    expect((await tunnel(home())).status).toBe(403);
    await closed(socket);
    const stranger = await edge.agent('127.0.0.1:1');
    await approve('skill:a', [home()], stranger.scope);
    expect((await tunnel(home())).status).toBe(403);
    await expect(approve('skill:a', ['*'])).rejects.toMatchObject({ kind: 'validation' });
  });

  it('counts bytes, and says nothing about hosts in its metrics', async () => {
    const metrics = edge.app.get<{ render(): Promise<string> }>((await import('#libs/observability')).Metrics);
    const sent = async (): Promise<number> =>
      Number(/rookery_egress_bytes_total\{direction="out"\} (\d+)/.exec(await metrics.render())?.[1] ?? 0);
    const before = await sent();
    const { socket } = await tunnel(home());
    await shout(socket, 'x'.repeat(1000));
    expect((await sent()) - before).toBe(1000);
    expect(await metrics.render()).not.toContain('localhost:');
  });

  it('lets nobody out when it cannot ask who may', async () => {
    await edge.db.database.query('ALTER TABLE agent_egress_hosts RENAME TO away');
    const answer = await tunnel(home());
    await edge.db.database.query('ALTER TABLE away RENAME TO agent_egress_hosts');
    expect(answer).toMatchObject({ status: 500, error: { code: 'internal', message: 'The egress proxy failed' } });
    expect(shouter.sockets.size).toBe(0);
  });
});
