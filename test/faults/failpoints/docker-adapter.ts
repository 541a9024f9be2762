import { buffer, text } from 'node:stream/consumers';
import Docker from 'dockerode';
import { extract, pack } from 'tar-stream';
import type { Adapter, Images } from './operations.js';

const WORKSPACE = '/workspace';
const AGENT_UID = 1000;
/** One listing serves all agents. */
const SEEN_FOR_MS = 200;

const nameOf = (agentId: string): string => `rookery-agent-${agentId}`;
const labelOf = (agentId: string): string[] => [`dev.rookery.agent=${agentId}`];

/** Agents as containers: what they are the engine says. */
export function dockerAdapter(environment: Record<string, string>, images: Images): Adapter {
  const docker = new Docker();
  const filters = { label: [`dev.rookery.host=${environment['HOST_ID']}`] };
  let seen = { atMs: Number.NEGATIVE_INFINITY, containers: docker.listContainers({ filters }) };
  const runningOf = async (agentId: string): Promise<string[]> => {
    if (performance.now() - seen.atMs > SEEN_FOR_MS)
      seen = { atMs: performance.now(), containers: docker.listContainers({ filters }) };
    const containers = await seen.containers;
    return containers.flatMap(({ Id, Labels }) => (Labels['dev.rookery.agent'] === agentId ? [Id] : []));
  };
  return {
    environment,
    images,
    running: runningOf,
    kept: async (agentId) => [
      ...(await containersAt(docker, agentId)),
      ...(await networksOf(docker, agentId)),
      ...(await volumesOf(docker, agentId)),
    ],
    write: async (agentId, path, content) => {
      const archive = pack();
      const owner = { uid: AGENT_UID, gid: AGENT_UID };
      const parts = path.split('/');
      for (let depth = 1; depth < parts.length; depth++)
        archive.entry({ ...owner, name: parts.slice(0, depth).join('/'), type: 'directory', mode: 0o700 });
      archive.entry({ ...owner, name: path, mode: 0o600 }, content);
      archive.finalize();
      await docker.getContainer(nameOf(agentId)).putArchive(await buffer(archive), { path: WORKSPACE });
    },
    read: (agentId, path) => withWorkspace(docker, agentId, environment, (container) => fileOf(container, path)),
    variable: async (agentId, name) => {
      const { Config } = await docker.getContainer(nameOf(agentId)).inspect();
      return Config.Env.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
    },
    loseFiles: async (agentId) => void (await docker.getVolume(nameOf(agentId)).remove()),
  };
}

/** The instance, and whatever else has its workspace. */
async function containersAt(docker: Docker, agentId: string): Promise<string[]> {
  const found = await docker.listContainers({ all: true, filters: { volume: [nameOf(agentId)] } });
  return found.map(({ Names, State }) => {
    const name = (Names[0] ?? '').slice(1);
    return name === nameOf(agentId) ? `instance ${State}` : `another container ${State}`;
  });
}

async function networksOf(docker: Docker, agentId: string): Promise<string[]> {
  const networks = await docker.listNetworks({ filters: { label: labelOf(agentId) } });
  const members = await Promise.all(
    networks.map(async ({ Id }) => {
      const { Containers } = (await docker.getNetwork(Id).inspect()) as Docker.NetworkInspectInfo;
      return Object.keys(Containers ?? {}).length;
    }),
  );
  return members.map((count) => `network of ${count}`);
}

async function volumesOf(docker: Docker, agentId: string): Promise<string[]> {
  const { Volumes } = await docker.listVolumes({ filters: { label: labelOf(agentId) } });
  return (Volumes ?? []).map(() => 'volume');
}

/** Through the instance, or a container made for it. */
async function withWorkspace<T>(
  docker: Docker,
  agentId: string,
  environment: Record<string, string>,
  work: (container: Docker.Container) => Promise<T>,
): Promise<T> {
  const [instance] = await docker.listContainers({ all: true, filters: { name: [`^/${nameOf(agentId)}$`] } });
  if (instance) return work(docker.getContainer(instance.Id));
  const container = await docker.createContainer({
    Image: environment['AGENT_IMAGE']!,
    HostConfig: { Mounts: [{ Type: 'volume', Source: nameOf(agentId), Target: WORKSPACE }] },
  });
  try {
    return await work(container);
  } finally {
    await container.remove({ force: true });
  }
}

async function fileOf(container: Docker.Container, path: string): Promise<string> {
  const reader = extract();
  (await container.getArchive({ path: `${WORKSPACE}/${path}` })).pipe(reader);
  for await (const entry of reader) return await text(entry);
  throw new Error(`There is no ${path}`);
}
