import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { describeIf, eventually, freePort, requireTool } from '#libs/testing';
import { AgentoClient, textOf } from './client.js';
import { removeHost, thingsOfHost } from './docker-host.js';

const run = promisify(execFile);
const ROOT = resolve(__dirname, '../..');
const NEEDED = ['docker', 'docker-compose', 'redis-server', 'busybox'];

jest.setTimeout(120_000);

/** The compose file under names, ports and subnets of its own, from images made of this checkout. */
class ComposeProject {
  readonly name = `rookery-e2e-${randomBytes(4).toString('hex')}`;
  readonly docker = new Docker();
  private environment: NodeJS.ProcessEnv = {};

  async up(): Promise<string> {
    const port = await freePort();
    this.environment = {
      PATH: process.env.PATH,
      POSTGRES_IMAGE: 'rookery/postgres:local',
      REDIS_IMAGE: 'rookery/redis:local',
      PUBLISH: `127.0.0.1:${port}`,
      EDGE_CONTAINER: `${this.name}-edge`,
      HOST_ID: this.name,
      DOCKER_SUBNET_POOL: '10.218.0.0/16',
      // waiting here is asking again and again
      RATE_LIMIT_PER_MINUTE: '1000000',
    };
    await run(process.execPath, ['scripts/local-images.mjs', 'agent', 'rookery', 'postgres', 'redis'], { cwd: ROOT });
    await this.compose('up', '-d');
    return `http://127.0.0.1:${port}`;
  }

  async compose(...args: string[]): Promise<string> {
    const options = { cwd: ROOT, env: this.environment, maxBuffer: 16 * 1024 * 1024 };
    return (await run('docker-compose', ['-p', this.name, ...args], options)).stdout;
  }

  /** Containers of the project's own services. */
  async services(): Promise<Docker.ContainerInspectInfo[]> {
    const filters = { label: [`com.docker.compose.project=${this.name}`] };
    const found = await this.docker.listContainers({ all: true, filters });
    return Promise.all(found.map(({ Id }) => this.docker.getContainer(Id).inspect()));
  }

  async down(): Promise<void> {
    const agents = await this.docker.listContainers({
      all: true,
      filters: { label: [`dev.rookery.host=${this.name}`] },
    });
    for (const { Id } of agents) await this.docker.getContainer(Id).remove({ force: true, v: true });
    await this.compose('down', '-v', '--timeout', '2');
    await removeHost(this.name);
  }
}

describeIf(NEEDED.every(requireTool), 'the compose file', () => {
  const project = new ComposeProject();
  let client: AgentoClient;
  let agentId: string;

  beforeAll(async () => {
    const url = await project.up();
    await eventually(async () => (await fetch(`${url}/readyz`)).status === 200, { timeoutMs: 60_000 });
    const made = await project.compose('exec', '-T', 'api', 'node', 'dist/apps/api/src/cli/admin-create.js');
    client = new AgentoClient(url, (JSON.parse(made) as { apiKey: string }).apiKey);
  }, 600_000);

  afterAll(() => project.down(), 120_000);

  it('brings every service up healthy', async () => {
    await eventually(
      async () => {
        const states = (await project.services()).map(({ State }) => State.Health?.Status ?? State.ExitCode);
        return states.every((state) => state === 'healthy' || state === 0);
      },
      { timeoutMs: 60_000 },
    );
  });

  it('runs an agent that answers', async () => {
    const agent = await client.createDemoAgent('composed');
    agentId = agent.id;
    await eventually(async () => (await client.agent(agentId)).status === 'running', { timeoutMs: 30_000 });
    const frames = await client.chat(agentId, 'Hello from outside');
    expect(frames.at(-1)).toEqual({ type: 'done' });
    expect(textOf(frames)).toContain('demo');
  });

  it('stores what the agent printed', async () => {
    await eventually(async () => {
      const { logs } = await client.data<{ logs: string }>('GET', `/v1/agents/${agentId}/logs`);
      return logs.includes('listens on');
    });
  });

  it('gives the engine`s socket to the worker alone', async () => {
    const services = await project.services();
    const withSocket = services.filter(({ Mounts }) => Mounts.some(({ Source }) => Source.includes('docker.sock')));
    expect(withSocket.map(({ Config }) => Config.Labels['com.docker.compose.service'])).toEqual(['worker']);
  });

  it('keeps its secrets out of every container`s description', async () => {
    const secrets = await project.compose('exec', '-T', 'api', 'node', '-e', READ_SECRETS);
    const values = JSON.parse(secrets) as string[];
    expect(values.map((value) => value.length >= 32)).toEqual([true, true, true]);
    const agents = await project.docker.listContainers({ filters: { label: [`dev.rookery.agent=${agentId}`] } });
    const agent = await project.docker.getContainer(agents[0]?.Id ?? '').inspect();
    const seen = JSON.stringify([await project.services(), agent]);
    for (const value of values) expect(seen).not.toContain(value);
  });

  it('reaches its agents again after the edge was replaced', async () => {
    await project.compose('up', '-d', '--no-deps', '--force-recreate', 'edge');
    await eventually(async () => (await client.chat(agentId, 'Still there?')).at(-1)?.type === 'done', {
      timeoutMs: 60_000,
    });
  });

  it('keeps its secrets and data when it is taken down and up again', async () => {
    const before = await project.compose('exec', '-T', 'api', 'node', '-e', READ_SECRETS);
    await project.compose('stop', '--timeout', '10');
    await project.compose('up', '-d');
    await eventually(async () => (await client.agent(agentId)).status === 'running', { timeoutMs: 60_000 });
    expect(await project.compose('exec', '-T', 'api', 'node', '-e', READ_SECRETS)).toBe(before);
    await eventually(async () => (await client.chat(agentId, 'And now?')).at(-1)?.type === 'done', {
      timeoutMs: 60_000,
    });
  });

  it('keeps what an agent wrote when worker and workspace are replaced', async () => {
    const tool = async (name: string, input: object): Promise<string> =>
      textOf(await client.chat(agentId, `[[tool ${name} ${JSON.stringify(input)}]]`));
    await tool('memory_write', { name: 'pet', content: 'Ann has a lynx' });
    expect(await client.data('POST', `/v1/agents/${agentId}/stop`)).toMatchObject({ status: 'stopped' });
    await project.compose('up', '-d', '--no-deps', '--force-recreate', 'worker');
    await project.docker.getVolume(`rookery-agent-${agentId}`).remove();
    await client.data('POST', `/v1/agents/${agentId}/start`);
    await eventually(async () => (await client.agent(agentId)).status === 'running', { timeoutMs: 60_000 });
    expect(await tool('memory_read', { name: 'pet' })).toContain('lynx');
  });

  it('keeps stored files on a disk, not in memory', async () => {
    const worker = (await project.services()).find(
      ({ Config }) => Config.Labels['com.docker.compose.service'] === 'worker',
    );
    const mounts = worker?.Mounts.map(({ Type, Name, Destination }) => [Type, Name, Destination]);
    expect(mounts).toContainEqual(['volume', `${project.name}_storage`, '/var/lib/rookery-data']);
    const files = await project.compose('exec', '-T', 'worker', 'node', '-e', STORED_FILES);
    expect(JSON.parse(files)).toContainEqual(expect.stringContaining(`/agents/${agentId}/`));
  });

  it('rotates its master key without showing it to anybody', async () => {
    const init = (flag: string) => project.compose('run', '--rm', 'init', 'node', 'docker/init.mjs', flag);
    const restarted = async (): Promise<void> => {
      await project.compose('restart', 'api', 'edge', 'worker');
      await eventually(async () => (await client.agent(agentId)).status === 'running', { timeoutMs: 60_000 });
      await eventually(async () => (await client.chat(agentId, 'And now?')).at(-1)?.type === 'done', {
        timeoutMs: 60_000,
      });
    };
    const body = { secrets: { openai_api_key: 'sk-canary-compose' } };
    await client.data('PUT', `/v1/agents/${agentId}/secrets`, body);
    const before = await project.compose('exec', '-T', 'api', 'node', '-e', READ_SECRETS);
    await init('--new-master-key');
    await restarted();
    const rotate = ['exec', '-T', 'api', 'node', 'dist/apps/api/src/cli/secrets-rotate.js'];
    expect(JSON.parse(await project.compose(...rotate))).toEqual({ rewrapped: 1, organisations: 1, secrets: 1 });
    await init('--forget-previous-master-key');
    await restarted();
    const after = await project.compose('exec', '-T', 'api', 'node', '-e', READ_SECRETS);
    const [jwt, master, url] = JSON.parse(before) as string[];
    expect(JSON.parse(after)).toEqual([jwt, expect.not.stringContaining(master ?? ''), url]);
    expect(JSON.parse(await project.compose(...rotate))).toEqual({ rewrapped: 0, organisations: 1, secrets: 1 });
  }, 300_000);

  it('leaves nothing of an agent that is deleted', async () => {
    await client.call('DELETE', `/v1/agents/${agentId}`);
    await eventually(async () => (await thingsOfHost(project.name)).length === 0, { timeoutMs: 30_000 });
  });
});

const STORED_FILES = `const files = require('fs').readdirSync(process.env.STORAGE_DIR, { recursive: true });
process.stdout.write(JSON.stringify(files));`;

const READ_SECRETS = `const read = (name) => require('fs').readFileSync('/run/rookery/' + name, 'utf8').trim();
process.stdout.write(JSON.stringify(['jwt-secret', 'master-key', 'database-url'].map(read)));`;
