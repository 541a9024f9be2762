import type Docker from 'dockerode';
import type { Config } from '#libs/config';
import { signBuildToken } from '#libs/crypto';
import { TOOL_METHODS, type ToolRequest } from '../agent-tools.js';
import { LOG_CONFIG } from './agent-container.js';
import type { AgentNetwork } from './agent-networks.js';
import { registriesFromContainer } from './edge-options.js';
import { AGENT_UID, EDGE_ALIAS, LABELS, toolsFolder } from './naming.js';

const MEGABYTE = 1024 * 1024;
const CPUS = 2;

export interface ToolsMaking {
  readonly digest: string;
  readonly request: ToolRequest;
  readonly config: Config;
  /** Of container and volume. */
  readonly name: string;
  readonly volume: string;
  readonly network: AgentNetwork;
}

/** A container that installs and is thrown away: as little may happen in it as in an agent's, and its way out leads to registries. */
export function toolsContainer(making: ToolsMaking): Docker.ContainerCreateOptions & { readonly token: string } {
  const { digest, config, name, network } = making;
  const seconds = Math.ceil(config.tools.timeoutMs / 1000) + 60;
  const token = signBuildToken(config.security.jwtSecret, { hostId: config.host.id, digest }, seconds);
  const proxy = `http://build:${token}@${EDGE_ALIAS}:${config.edge.agentPort}`;
  return {
    token,
    name,
    Image: config.tools.image,
    User: `${AGENT_UID}:${AGENT_UID}`,
    Hostname: 'tools',
    Env: [
      `TOOLS_TARGET=${toolsFolder(digest)}`,
      `TOOLS_PLAN=${JSON.stringify(planOf(making))}`,
      ...['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].map((variable) => `${variable}=${proxy}`),
    ],
    Labels: { [LABELS.host]: config.host.id, [LABELS.tools]: digest },
    HostConfig: hostConfig(making),
    NetworkingConfig: { EndpointsConfig: { [network.name]: { IPAMConfig: { IPv4Address: network.subnet.agent } } } },
  };
}

function hostConfig({ digest, config, volume, network }: ToolsMaking): Docker.HostConfig {
  return {
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    ReadonlyRootfs: true,
    Tmpfs: { '/tmp': 'rw,noexec,nosuid,nodev,size=64m,mode=1777' },
    Mounts: [{ Type: 'volume', Source: volume, Target: toolsFolder(digest) }],
    Memory: config.tools.memoryMb * MEGABYTE,
    MemorySwap: config.tools.memoryMb * MEGABYTE,
    NanoCpus: CPUS * 1e9,
    PidsLimit: 512,
    Ulimits: [{ Name: 'nofile', Soft: 4096, Hard: 4096 }],
    Init: true,
    IpcMode: 'private',
    RestartPolicy: { Name: 'no' },
    LogConfig: LOG_CONFIG,
    NetworkMode: network.name,
    ExtraHosts: [`${EDGE_ALIAS}:${network.subnet.edge}`],
    Dns: [network.subnet.edge],
    DnsSearch: ['.'],
    DnsOptions: ['timeout:1', 'attempts:1'],
  };
}

/** What docker/tools/build-tools.mjs reads. */
function planOf({ request, config }: ToolsMaking): object {
  const registries = registriesFromContainer(config.tools.registries);
  const wanted = TOOL_METHODS.filter((method) => request[method].length > 0);
  const methods = wanted.map((method) => [method, { packages: request[method], registry: registries[method] }]);
  return { maxMb: config.tools.maxMb, bins: request.bins, methods: Object.fromEntries(methods) as object };
}
