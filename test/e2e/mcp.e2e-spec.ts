import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import Docker from 'dockerode';
import { build } from 'esbuild';
import { pack } from 'tar-stream';
import { describeIf, McpTestServer, requireTool } from '#libs/testing';
import { ProviderServer } from '../../apps/agent/test/provider-server.js';
import { type WorkerWorld, workerWorld } from '../faults/worker-world.js';
import { removeHost } from './docker-host.js';

const HOST = `mcp-${process.pid}`;
const CHAT = `
const { ROOKERY_PORT, ROOKERY_GATEWAY_TOKEN } = process.env;
const headers = { authorization: 'Bearer ' + ROOKERY_GATEWAY_TOKEN, 'content-type': 'application/json' };
const body = JSON.stringify({ stream: false, messages: [{ role: 'user', content: 'hi' }] });
fetch('http://127.0.0.1:' + ROOKERY_PORT + '/v1/chat/completions', { method: 'POST', headers, body })
  .then((answer) => answer.text()).then((answer) => process.stdout.write(answer));`;

describeIf(requireTool('docker'), 'MCP servers of an agent in a container', () => {
  const docker = new Docker();
  const provider = new ProviderServer('openai');
  const server = new McpTestServer();
  const folder = mkdtempSync(join(tmpdir(), 'rookery-mcp-'));
  let world: WorkerWorld;
  let agentId: string;

  beforeAll(async () => {
    await Promise.all([provider.start('0.0.0.0'), server.start('0.0.0.0')]);
    execFileSync(process.execPath, ['scripts/local-images.mjs', 'agent', 'rookery'], { stdio: 'pipe' });
    world = await workerWorld();
    await world.startWorker({
      RUNTIME: 'docker',
      HOST_ID: HOST,
      EDGE_CONTAINER: `rookery-edge-${HOST}`,
      EDGE_IMAGE: 'rookery/edge:local',
      AGENT_IMAGE: 'rookery/agent:local',
      DOCKER_SUBNET_POOL: '10.233.0.0/16',
      EGRESS_ALLOW_CIDRS: '172.16.0.0/12,192.168.0.0/16',
      OPENAI_BASE_URL: provider.url,
    });
    const secrets = { openai_api_key: 'sk-test-0123456789' };
    const { caller } = world.org;
    agentId = (await world.agents.create(caller, { name: 'Ada', secrets, config: { llmProvider: 'openai' } })).id;
    await world.reaches(agentId, 'running', 60_000);
    await putProgram();
    const mcpServers = {
      beside: { command: 'node', args: ['beside.mjs'], env: { MODE: 'x' } },
      outside: { url: `http://host.docker.internal:${server.boundPort}/mcp` },
    };
    await world.agents.update(caller, agentId, { config: { mcpServers } });
    await world.agents.restart(caller, agentId);
    await world.reaches(agentId, 'running', 60_000);
  }, 300_000);

  beforeEach(() => {
    provider.asked.length = 0;
  });

  afterAll(async () => {
    await world?.close();
    await removeHost(HOST);
    await Promise.all([provider.stop(), server.stop()]);
    rmSync(folder, { recursive: true, force: true });
  }, 120_000);

  async function container(): Promise<Docker.Container> {
    const [found] = await docker.listContainers({ filters: { label: [`dev.rookery.agent=${agentId}`] } });
    return docker.getContainer(found?.Id ?? '');
  }

  /** A user's own program, in the workspace, which outlives the container. */
  async function putProgram(): Promise<void> {
    const outfile = join(folder, 'beside.mjs');
    const entryPoints = ['apps/agent/test/mcp-stdio-server.mjs'];
    const banner = { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" };
    await build({ entryPoints, outfile, banner, bundle: true, format: 'esm', platform: 'node', logLevel: 'error' });
    const archive = pack();
    archive.entry({ name: 'beside.mjs', mode: 0o644 }, readFileSync(outfile));
    archive.finalize();
    await (await container()).putArchive(await buffer(archive), { path: '/workspace' });
  }

  async function say(): Promise<string> {
    const exec = await (
      await container()
    ).exec({ Cmd: ['node', '-e', CHAT], AttachStdout: true, AttachStderr: true, Tty: true });
    const answer = await text(await exec.start({ Tty: true }));
    const { choices } = JSON.parse(answer) as { choices: { message: { content: string } }[] };
    return choices[0]?.message.content ?? '';
  }

  const callsThenTells = (name: string, input: object): void => {
    provider.behaviour = {
      kind: 'model',
      step: ({ results }) => (results.length === 0 ? { calls: [{ name, input }] } : { words: [results.join(' ')] }),
    };
  };

  it('are programs beside it, in its workspace, with nothing of its environment', async () => {
    callsThenTells('beside_environment', {});
    const told = JSON.parse(await say()) as { variables: Record<string, string>; folder: string };
    const way = [
      'HTTP_PROXY',
      'HTTPS_PROXY',
      'NO_PROXY',
      'http_proxy',
      'https_proxy',
      'no_proxy',
      'NODE_USE_ENV_PROXY',
    ];
    expect(Object.keys(told.variables).sort()).toEqual(['HOME', 'MODE', 'PATH', ...way].sort());
    expect(told.folder).toBe('/workspace');
  }, 60_000);

  it('are services outside, reached through the edge', async () => {
    callsThenTells('outside_echo', { text: 'Oslo' });
    expect(await say()).toBe('echo: Oslo');
    expect(provider.asked[0]?.tools).toEqual(expect.arrayContaining(['beside_environment', 'outside_echo']));
  }, 60_000);
});
