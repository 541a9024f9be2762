// From a create to a running agent in the docker runtime, beside create + start + first 200 of /readyz of the same image by hand,
// and beside the fewest calls of the engine that give it what an agent has: a network of its own with the edge, a workspace with files.
// Run after the build, with a Docker engine: node test/bench/docker.bench.mjs [agents=15]
import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import Docker from 'dockerode';
import { pack } from 'tar-stream';
import { Table, quantile, until } from './harness.mjs';
import { openRookery } from './rookery.mjs';

const AGENTS = Number(process.argv[2] ?? 15);
const ADDED_P50_MS = 300;
const IMAGE = process.env.AGENT_IMAGE ?? 'rookery/agent:local';
const NAMES = { HOST_ID: 'rookery-bench', EDGE_CONTAINER: 'rookery-bench-edge' };

const ENVIRONMENT = Object.entries({
  ROOKERY_AGENT_ID: randomUUID(),
  ROOKERY_AGENT_NAME: 'raw',
  ROOKERY_BIND: '0.0.0.0',
  ROOKERY_PORT: '8080',
  ROOKERY_WORKSPACE: '/workspace',
  ROOKERY_GATEWAY_TOKEN: 'bench',
  ROOKERY_INSTANCE_NONCE: 'bench',
  ROOKERY_LLM_PROVIDER: 'demo',
  ROOKERY_LLM_BASE_URL: 'http://127.0.0.1:9/llm/demo',
  ROOKERY_LLM_TOKEN: 'bench',
  ROOKERY_MODEL: 'demo',
}).map(([name, value]) => `${name}=${value}`);

const docker = new Docker();
const rookery = await openRookery({ RUNTIME: 'docker', ...NAMES });
try {
  const table = new Table(`Create to running, one after the other, ${AGENTS} agents, docker runtime`);
  const [raw, fewest, whole] = [[], [], []];
  await createAgent('warm-up');
  for (let nr = 0; nr < AGENTS; nr++) {
    raw.push(await rawStart());
    fewest.push(await fewestCalls(nr));
    whole.push(await createAgent(`agent ${nr}`));
  }
  const most = { p50: quantile(raw, 0.5) + ADDED_P50_MS };
  table.times('container made by hand, to 200 of /readyz', raw);
  table.times('the same with network, edge and workspace, by hand', fewest);
  table.times('create to running', whole, most);
  table.row('create to running / made by hand, p50', quantile(whole, 0.5) / quantile(raw, 0.5), 'x');
  table.row('create to running / the fewest calls, p50', quantile(whole, 0.5) / quantile(fewest, 0.5), 'x');
  table.finish();
  for (const { id } of await rookery.call('GET', '/v1/agents')) await rookery.call('DELETE', `/v1/agents/${id}`);
} finally {
  await rookery.close();
  await docker.getContainer(NAMES.EDGE_CONTAINER).remove({ force: true });
}

async function createAgent(name) {
  const started = performance.now();
  const body = { name, secrets: {}, config: { llmProvider: 'demo' } };
  const { status } = await rookery.call('POST', '/v1/agents', body);
  if (status !== 'running') throw new Error(`The agent is ${status}`);
  return performance.now() - started;
}

/** The image with what it needs and nothing around it. */
async function rawStart() {
  const started = performance.now();
  const container = await docker.createContainer({
    Image: IMAGE,
    Env: ENVIRONMENT,
    HostConfig: { Tmpfs: { '/workspace': 'mode=1777', '/tmp': 'mode=1777' }, ReadonlyRootfs: true },
  });
  try {
    await container.start();
    await untilReady(container);
    return performance.now() - started;
  } finally {
    await container.remove({ force: true });
  }
}

/** As {@link rawStart}, with a network that the edge is on and a volume that holds the files, made at once where they can be. */
async function fewestCalls(nr) {
  const name = `rookery-bench-fewest-${nr}`;
  const started = performance.now();
  const networked = docker
    .createNetwork({ Name: name, Internal: true })
    .then((network) => network.connect({ Container: NAMES.EDGE_CONTAINER }));
  const container = await docker.createContainer({
    name,
    Image: IMAGE,
    Env: ENVIRONMENT,
    HostConfig: {
      Mounts: [{ Type: 'volume', Source: name, Target: '/workspace' }],
      Tmpfs: { '/tmp': 'mode=1777' },
      ReadonlyRootfs: true,
      NetworkMode: name,
    },
  });
  try {
    const archive = pack();
    archive.entry({ name: 'SOUL.md', uid: 1000, gid: 1000 }, 'kind');
    archive.finalize();
    await Promise.all([networked, container.putArchive(await buffer(archive), { path: '/workspace' })]);
    await container.start();
    await untilReady(container);
    return performance.now() - started;
  } finally {
    await container.remove({ force: true });
    await docker.getNetwork(name).disconnect({ Container: NAMES.EDGE_CONTAINER, Force: true });
    await docker.getNetwork(name).remove();
    await docker.getVolume(name).remove();
  }
}

async function untilReady(container) {
  const { NetworkSettings } = await container.inspect();
  const url = `http://${Object.values(NetworkSettings.Networks)[0].IPAddress}:8080/readyz`;
  const answers = () =>
    fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(answers);
}
