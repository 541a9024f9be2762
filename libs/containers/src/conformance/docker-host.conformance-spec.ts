import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Docker from 'dockerode';
import { pack } from 'tar-stream';
import type { Config } from '#libs/config';
import { signRelayToken } from '#libs/crypto';
import { newId } from '#libs/kernel';
import { type Overrides, freePort, testConfig } from '#libs/testing';
import { DockerRuntime } from '../docker/docker-runtime.js';
import { edgeNetworkName, LABELS } from '../docker/naming.js';

/** Images of the stand-ins; built from this checkout's base image, no registry needed. */
export const AGENT_IMAGE = 'rookery-test/agent:local';
export const OTHER_AGENT_IMAGE = 'rookery-test/agent:other';
export const EDGE_IMAGE = 'rookery-test/edge:local';

const ROOT = resolve(__dirname, '../../../..');

/** A host of its own on the machine's engine: everything it makes carries its id and goes with `close`. */
export class DockerTestHost {
  private readonly made: DockerRuntime[] = [];

  private constructor(
    readonly docker: Docker,
    readonly config: Config,
  ) {}

  static async open(
    overrides: {
      subnetPool?: string;
      databaseUrl?: string;
      edgeImage?: string;
      tools?: Overrides<Config['tools']>;
    } = {},
  ): Promise<DockerTestHost> {
    const docker = new Docker();
    await buildImages(docker);
    const id = `test-${newId().slice(0, 8)}`;
    const relayPort = await freePort();
    const databaseUrl = overrides.databaseUrl ?? 'postgres://rookery:canary-password@127.0.0.1:5432/rookery';
    const config = testConfig(
      { databaseUrl, dataDir: '/tmp' },
      {
        runtime: 'docker',
        agent: { image: AGENT_IMAGE },
        host: { id },
        edge: {
          image: overrides.edgeImage ?? EDGE_IMAGE,
          container: `rookery-edge-${id}`,
          relayPort,
          url: `http://127.0.0.1:${relayPort}`,
        },
        docker: { subnetPool: overrides.subnetPool ?? '10.214.0.0/16' },
        ...(overrides.tools === undefined ? {} : { tools: overrides.tools }),
      },
    );
    return new DockerTestHost(docker, config);
  }

  /** A worker of this host in the place of the one before, which no longer cares for the edge. */
  async worker({ runsEdge = true } = {}): Promise<DockerRuntime> {
    this.retire();
    const { edge } = this.config;
    const config = runsEdge ? this.config : { ...this.config, edge: { ...edge, image: undefined } };
    const runtime = new DockerRuntime(this.docker, config);
    this.made.push(runtime);
    await runtime.prepare(new AbortController().signal);
    return runtime;
  }

  /** From now on nobody cares for the edge. */
  retire(): void {
    for (const runtime of this.made.splice(0)) runtime.onModuleDestroy();
  }

  /** Asks the agent's stand-in over the relay, which is the only way to it. */
  async ask<T>(runtime: DockerRuntime, agentId: string, path: string, query: Record<string, string> = {}): Promise<T> {
    const { endpoint, epoch } = await runtime.inspect(agentId);
    const claims = { hostId: this.config.host.id, agentId, epoch: epoch ?? 0, endpoint: endpoint ?? '' };
    const headers = { authorization: `Bearer ${signRelayToken(this.config.security.jwtSecret, claims)}` };
    const url = `${this.config.edge.url}/relay/${agentId}${path}?${new URLSearchParams(query)}`;
    return (await (await fetch(url, { headers })).json()) as T;
  }

  async containers(agentId: string): Promise<Docker.ContainerInfo[]> {
    return this.docker.listContainers({ filters: { label: [`${LABELS.agent}=${agentId}`] } });
  }

  async close(): Promise<void> {
    this.retire();
    const filters = { label: [`${LABELS.host}=${this.config.host.id}`] };
    for (const { Id } of await this.docker.listContainers({ all: true, filters })) {
      await this.docker.getContainer(Id).remove({ force: true, v: true });
    }
    for (const { Id } of await this.docker.listNetworks({ filters })) await this.docker.getNetwork(Id).remove();
    for (const { Name } of (await this.docker.listVolumes({ filters })).Volumes ?? []) {
      await this.docker.getVolume(Name).remove();
    }
  }

  edgeNetwork(): Promise<Docker.NetworkInspectInfo> {
    return this.docker.getNetwork(edgeNetworkName(this.config.host.id)).inspect();
  }
}

async function buildImages(docker: Docker): Promise<void> {
  const made = spawnSync(process.execPath, [join(ROOT, 'scripts/local-images.mjs'), 'base'], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`The base image could not be built: ${made.stderr}`);
  const program = (name: string): string => readFileSync(join(__dirname, name), 'utf8');
  const agent = [
    'COPY main.mjs /app/main.mjs',
    'COPY --chown=1000:1000 workspace/ /workspace/',
    'WORKDIR /workspace',
    'CMD ["node", "/app/main.mjs"]',
  ];
  await build(docker, AGENT_IMAGE, { 'main.mjs': program('gateway.mjs') }, agent);
  await build(docker, OTHER_AGENT_IMAGE, { 'main.mjs': program('gateway.mjs') }, [...agent, 'LABEL version="other"']);
  await build(docker, EDGE_IMAGE, { 'main.js': program('edge.mjs'), 'package.json': '{"type":"module"}' }, [
    'COPY package.json /app/package.json',
    'COPY main.js /app/dist/apps/worker/src/main.js',
  ]);
}

async function build(docker: Docker, tag: string, files: Record<string, string>, lines: string[]): Promise<void> {
  const context = pack();
  context.entry({ name: 'Dockerfile' }, ['FROM rookery/base:local', ...lines].join('\n'));
  context.entry({ name: 'workspace/', type: 'directory' });
  for (const [name, content] of Object.entries(files)) context.entry({ name }, content);
  context.finalize();
  const stream = await docker.buildImage(context as unknown as NodeJS.ReadableStream, {
    t: tag,
    version: '1',
    rm: true,
  });
  await new Promise<void>((done, fail) => {
    docker.modem.followProgress(stream, (error: Error | null, output: { error?: string }[]) => {
      const failed = output.find((event) => event.error !== undefined)?.error;
      if (error !== null || failed !== undefined) fail(error ?? new Error(failed));
      else done();
    });
  });
}
