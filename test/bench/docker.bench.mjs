// From a create to a running agent in the docker runtime, beside create + start + first 200 of /readyz of the same image by hand.
// Run after the build, with a Docker engine: node test/bench/docker.bench.mjs [agents=15]
import { randomUUID } from 'node:crypto';
import Docker from 'dockerode';
import { Table, quantile, until } from './harness.mjs';
import { openRookery } from './rookery.mjs';

const AGENTS = Number(process.argv[2] ?? 15);
const ADDED_P50_MS = 300;
const IMAGE = process.env.AGENT_IMAGE ?? 'rookery/agent:local';
const NAMES = { HOST_ID: 'rookery-bench', EDGE_CONTAINER: 'rookery-bench-edge' };

const docker = new Docker();
const rookery = await openRookery({ RUNTIME: 'docker', ...NAMES });
try {
  const table = new Table(`Create to running, one after the other, ${AGENTS} agents, docker runtime`);
  const [raw, whole] = [[], []];
  await createAgent('warm-up');
  for (let nr = 0; nr < AGENTS; nr++) {
    raw.push(await rawStart());
    whole.push(await createAgent(`agent ${nr}`));
  }
  const most = { p50: quantile(raw, 0.5) + ADDED_P50_MS };
  table.times('container made by hand, to 200 of /readyz', raw);
  table.times('create to running', whole, most);
  table.row('create to running / made by hand, p50', quantile(whole, 0.5) / quantile(raw, 0.5), 'x');
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
  const env = {
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
  };
  const started = performance.now();
  const container = await docker.createContainer({
    Image: IMAGE,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    HostConfig: { Tmpfs: { '/workspace': 'mode=1777', '/tmp': 'mode=1777' }, ReadonlyRootfs: true },
  });
  try {
    await container.start();
    const { NetworkSettings } = await container.inspect();
    const url = `http://${NetworkSettings.Networks.bridge.IPAddress}:8080/readyz`;
    const answers = () =>
      fetch(url).then(
        ({ ok }) => ok,
        () => false,
      );
    await until(answers);
    return performance.now() - started;
  } finally {
    await container.remove({ force: true });
  }
}
