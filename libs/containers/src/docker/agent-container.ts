import type Docker from 'dockerode';
import type { ContainerSpec } from '../container-runtime.js';
import {
  AGENT_UID,
  agentObject,
  BRIDGE_FILE,
  EDGE_ALIAS,
  GATEWAY_PORT,
  LABELS,
  OPENCLAW_IN_IMAGE,
  toolsFolder,
  WORKSPACE,
} from './naming.js';
import type { AgentSubnet } from './subnets.js';

const MEGABYTE = 1024 * 1024;
const TMPFS = 'rw,noexec,nosuid,nodev,size=64m,mode=1777';
/** As images of agents have it; tools come after it, so that none takes the place of a program of the image. */
export const IMAGE_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Output kept by the engine for one container: two files of 5 MB. */
export const LOG_CONFIG = { Type: 'json-file', Config: { 'max-size': '5m', 'max-file': '2' } };

export interface ContainerMaking {
  readonly spec: ContainerSpec;
  readonly hash: string;
  readonly hostId: string;
  readonly nonce: string;
  /** Of the agent's own network, which may be made only after the container. */
  readonly subnet: AgentSubnet;
  /** The volume of tools with this digest. */
  readonly toolsVolume: (digest: string) => string;
}

/** The container of a spec: no capability, no way up, nothing writable but workspace and /tmp, no network but its own. */
export function containerOptions(making: ContainerMaking): Docker.ContainerCreateOptions {
  const { spec, hash, hostId, nonce, subnet } = making;
  return {
    name: agentObject(spec.agentId),
    Image: spec.image,
    User: `${AGENT_UID}:${AGENT_UID}`,
    Hostname: 'agent',
    ...openclawCommand(spec),
    Env: Object.entries(environment(spec, nonce)).map(([name, value]) => `${name}=${value}`),
    Labels: {
      [LABELS.host]: hostId,
      [LABELS.agent]: spec.agentId,
      [LABELS.org]: spec.orgId,
      [LABELS.epoch]: String(spec.epoch),
      [LABELS.specHash]: hash,
      [LABELS.stopTimeoutMs]: String(spec.stopTimeoutMs),
    },
    StopSignal: 'SIGTERM',
    StopTimeout: Math.ceil(spec.stopTimeoutMs / 1000),
    HostConfig: hostConfig(making),
    NetworkingConfig: {
      EndpointsConfig: { [agentObject(spec.agentId)]: { IPAMConfig: { IPv4Address: subnet.agent } } },
    },
  };
}

function environment(spec: ContainerSpec, nonce: string): Record<string, string> {
  return {
    HOME: WORKSPACE,
    MALLOC_ARENA_MAX: '1',
    ...spec.env,
    ROOKERY_BIND: '0.0.0.0',
    ROOKERY_PORT: String(GATEWAY_PORT),
    ROOKERY_WORKSPACE: WORKSPACE,
    ROOKERY_INSTANCE_NONCE: nonce,
    ...(spec.tools?.length
      ? { PATH: [IMAGE_PATH, ...spec.tools.map((digest) => `${toolsFolder(digest)}/bin`)].join(':') }
      : {}),
    ...(spec.runtime === 'openclaw' ? { ROOKERY_OPENCLAW_PACKAGE: OPENCLAW_IN_IMAGE } : {}),
  };
}

/** OpenClaw's image starts what stands in front of it, which comes with the workspace. */
function openclawCommand({ runtime }: ContainerSpec): Docker.ContainerCreateOptions {
  if (runtime !== 'openclaw') return {};
  return { Entrypoint: ['node'], Cmd: ['--max-old-space-size=128', `${WORKSPACE}/${BRIDGE_FILE}`] };
}

function hostConfig({ spec, subnet, toolsVolume }: ContainerMaking): Docker.HostConfig {
  const tools = (spec.tools ?? []).map((digest) => ({
    Type: 'volume' as const,
    Source: toolsVolume(digest),
    Target: toolsFolder(digest),
    ReadOnly: true,
  }));
  return {
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    ReadonlyRootfs: true,
    Tmpfs: { '/tmp': TMPFS },
    Mounts: [{ Type: 'volume', Source: agentObject(spec.agentId), Target: WORKSPACE }, ...tools],
    Memory: spec.memoryMb * MEGABYTE,
    MemorySwap: spec.memoryMb * MEGABYTE,
    NanoCpus: Math.round(spec.cpus * 1e9),
    PidsLimit: spec.pidsLimit,
    Ulimits: [{ Name: 'nofile', Soft: 4096, Hard: 4096 }],
    Init: true,
    IpcMode: 'private',
    RestartPolicy: { Name: 'no' },
    LogConfig: LOG_CONFIG,
    NetworkMode: agentObject(spec.agentId),
    ExtraHosts: [`${EDGE_ALIAS}:${subnet.edge}`],
    // The engine forwards what it can't resolve to these servers from inside the container's own network, where nobody
    // answers; without an entry it would ask the host's resolvers.
    Dns: [subnet.edge],
    DnsSearch: ['.'],
    // some engines give no answer at all then
    DnsOptions: ['timeout:1', 'attempts:1'],
  };
}
