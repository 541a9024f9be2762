import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import Docker from 'dockerode';
import { describeIf, eventually, requireTool } from '#libs/testing';
import { type WorkerWorld, workerWorld } from '../faults/worker-world.js';
import { removeHost } from './docker-host.js';

const HOST = `egress-${process.pid}`;
/** The name under which the edge's container knows this machine. */
const SITE = 'host.docker.internal';

/** What an agent's program finds out; `$SITE` and `$ADDRESS` are put in. */
const PROBE = `
const dns = require('node:dns/promises'), net = require('node:net'), http = require('node:http'), https = require('node:https');
const failure = (error) => [error, ...(error.errors ?? []), error.cause].map((e) => e && (e.code ?? e.message)).filter(Boolean).join(' ');
const tried = (promise) => promise.then((value) => ({ value }), (error) => ({ failed: failure(error) }));
const reach = (port, host) => new Promise((done, fail) => {
  const socket = net.connect({ port, host, timeout: 1500 }, () => { socket.destroy(); done('open'); });
  socket.once('timeout', () => { socket.destroy(); fail(new Error('timeout')); }).once('error', fail);
});
const get = (client, url) => new Promise((done, fail) => client.get(url, (answer) => {
  let body = ''; answer.on('data', (bytes) => (body += bytes)).on('end', () => done({ status: answer.statusCode, body }));
}).on('error', fail));
const asking = (server) => { const own = new dns.Resolver({ timeout: 800, tries: 1 }); own.setServers([server]); return own; };
const fetched = async (url, headers = {}) => { const answer = await fetch(url, { headers }); return { status: answer.status, body: await answer.text() }; };
(async () => {
  const found = {
    lookup: await tried(dns.lookup('example.com')),
    siteName: await tried(dns.lookup('${SITE}')),
    ownResolver: await tried(dns.resolve4('example.com')),
    publicResolver: await tried(asking('8.8.8.8').resolve4('example.com')),
    direct: await tried(reach($PORT, '$ADDRESS')),
    directOut: await tried(reach(443, '1.1.1.1')),
    fetched: await tried(fetched('http://${SITE}:$PORT/fetched')),
    plain: await tried(get(http, 'http://${SITE}:$PORT/plain')),
    otherPort: await tried(get(http, 'http://${SITE}:1/')),
    refused: await tried(get(http, 'http://evil.example/')),
    refusedTls: await tried(get(https, 'https://evil.example/')),
    refusedFetch: await tried(fetched('https://evil.example/')),
    metadata: await tried(get(http, 'http://169.254.169.254/latest/meta-data/')),
    door: await tried(fetched(process.env.ROOKERY_DOOR_URL + '/tools', { authorization: 'Bearer ' + process.env.ROOKERY_LLM_TOKEN })),
  };
  process.stdout.write(JSON.stringify(found));
})();`;

/** Holds a tunnel open and prints when it is cut. */
const HOLD = `
const http = require('node:http');
const proxy = new URL(process.env.HTTPS_PROXY);
const credential = Buffer.from(proxy.username + ':' + proxy.password).toString('base64');
http.request({ host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: '${SITE}:$PORT', headers: { 'proxy-authorization': 'Basic ' + credential } })
  .on('connect', (answer, socket) => socket.on('close', () => process.stdout.write('cut')).on('error', () => undefined)
    .write('GET /held HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')).end();`;

interface Found {
  readonly value?: { status: number; body: string };
  readonly failed?: string;
}

describeIf(requireTool('docker'), 'what an agent in a container reaches', () => {
  const docker = new Docker();
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  let site: Server;
  let port: number;
  let world: WorkerWorld;
  let agentId: string;

  beforeAll(async () => {
    site = createServer((request, response) => {
      seen.push(request.url ?? '');
      if (request.url !== '/held') response.end(`hello from ${request.url}`);
    });
    site.on('connection', (socket) => sockets.add(socket.on('close', () => sockets.delete(socket))));
    await once(site.listen(0, '0.0.0.0'), 'listening');
    ({ port } = site.address() as AddressInfo);
    execFileSync(process.execPath, ['scripts/local-images.mjs', 'agent', 'rookery'], { stdio: 'pipe' });
    world = await workerWorld();
    await world.startWorker({
      RUNTIME: 'docker',
      HOST_ID: HOST,
      EDGE_CONTAINER: `rookery-edge-${HOST}`,
      EDGE_IMAGE: 'rookery/edge:local',
      AGENT_IMAGE: 'rookery/agent:local',
      DOCKER_SUBNET_POOL: '10.232.0.0/16',
      EGRESS_ALLOW_CIDRS: '172.16.0.0/12,192.168.0.0/16',
    });
    const config = { llmProvider: 'demo', egress: { allowHosts: [`${SITE}:${port}`, '169.254.169.254'] } };
    agentId = (await world.agents.create(world.org.caller, { name: 'Ada', secrets: {}, config })).id;
    await world.reaches(agentId, 'running', 60_000);
  }, 300_000);
  afterAll(async () => {
    await world?.close();
    await removeHost(HOST);
    site.closeAllConnections();
    site.close();
  }, 120_000);

  async function run(program: string): Promise<string> {
    const [container] = await docker.listContainers({ filters: { label: [`dev.rookery.agent=${agentId}`] } });
    const source = program.replaceAll('$PORT', String(port)).replaceAll('$ADDRESS', await gateway());
    const exec = await docker
      .getContainer(container?.Id ?? '')
      .exec({ Cmd: ['node', '-e', source], AttachStdout: true, AttachStderr: true, Tty: true });
    return text(await exec.start({ Tty: true }));
  }

  /** This machine as containers of the default bridge see it. */
  async function gateway(): Promise<string> {
    const bridge = (await docker.getNetwork('bridge').inspect()) as Docker.NetworkInspectInfo;
    return bridge.IPAM?.Config?.[0]?.Gateway ?? '172.17.0.1';
  }

  it('is the approved host through the proxy, the door, and nothing else, not even by name', async () => {
    const found = JSON.parse(await run(PROBE)) as Record<string, Found>;
    for (const name of ['lookup', 'siteName', 'ownResolver', 'publicResolver', 'direct', 'directOut']) {
      expect([name, found[name]]).toEqual([name, { failed: expect.any(String) }]);
    }
    expect(found.fetched?.value).toEqual({ status: 200, body: 'hello from /fetched' });
    expect(found.plain?.value).toEqual({ status: 200, body: 'hello from /plain' });
    expect(found.door?.value).toMatchObject({ status: 200 });
    for (const name of ['otherPort', 'refused', 'metadata'])
      expect([name, found[name]?.value?.status]).toEqual([name, 403]);
    expect(JSON.parse(found.refused?.value?.body ?? '')).toMatchObject({ error: { code: 'egress_host_refused' } });
    for (const name of ['refusedTls', 'refusedFetch']) expect(found[name]).toEqual({ failed: expect.any(String) });
    expect(seen).toEqual(['/fetched', '/plain']);
  }, 60_000);

  it('is explained where it was refused', async () => {
    const { refusedHosts } = await world.agents.why(world.org.caller, agentId);
    const shown = refusedHosts.map(({ host, port: at, reason }) => `${host}:${at} ${reason}`).sort();
    expect(shown).toEqual(
      [
        '169.254.169.254:80 address_refused',
        'evil.example:443 host_not_approved',
        'evil.example:80 host_not_approved',
        `${SITE}:1 port_not_approved`,
      ].sort(),
    );
  });

  it('ends when it is approved no more', async () => {
    const held = run(HOLD);
    await eventually(() => Promise.resolve(seen.includes('/held')));
    await world.agents.update(world.org.caller, agentId, { config: { egress: { allowHosts: [] } } });
    expect(await held).toBe('cut');
    await eventually(() => Promise.resolve(sockets.size === 0));
  }, 30_000);
});
