import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import type Docker from 'dockerode';
import type { Config } from '#libs/config';
import { LOG_CONFIG } from './agent-container.js';
import { AGENT_UID, edgeNetworkName, LABELS } from './naming.js';

/** Folder in the edge's container that holds its secrets, one file each. */
export const EDGE_SECRETS = '/run/rookery-secrets';
/** Name under which a container reaches the machine it runs on. */
const HOST_NAME = 'host.docker.internal';
const PROGRAM = ['node', 'dist/apps/worker/src/main.js'];

/** What the worker starts its edge from. */
export interface EdgePlan {
  readonly image: string;
  readonly uid: number;
  readonly options: Docker.ContainerCreateOptions;
  /** Environment variable → value; given to the edge as files, so that no inspection of the container shows them. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly hash: string;
}

export function edgePlan(config: Config, image: string, imageId: string): EdgePlan {
  const socketFolder = socketFolderOf(config.databaseUrl);
  const uid = userOf(socketFolder);
  const secrets = secretsOf(config);
  const options = edgeOptions(config, image, uid, socketFolder, Object.keys(secrets));
  const hash = createHash('sha256')
    .update(JSON.stringify([options, secrets, imageId]))
    .digest('hex');
  options.Labels = { ...options.Labels, [LABELS.specHash]: hash };
  return { image, uid, options, secrets, hash };
}

export const secretsVolume = (config: Config): string => `${config.edge.container}-secrets`;

function edgeOptions(
  config: Config,
  image: string,
  uid: number,
  socketFolder: string | undefined,
  secrets: readonly string[],
): Docker.ContainerCreateOptions {
  const relayPort = `${config.edge.relayPort}/tcp`;
  return {
    name: config.edge.container,
    Image: image,
    Entrypoint: [],
    Cmd: PROGRAM,
    WorkingDir: '/app',
    User: `${uid}:${uid}`,
    Env: [...environmentOf(config), ...secrets.map((name) => `${name}_FILE=${EDGE_SECRETS}/${name}`)],
    Labels: { [LABELS.host]: config.host.id, [LABELS.edge]: 'true' },
    ExposedPorts: { [relayPort]: {} },
    HostConfig: {
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': 'rw,noexec,nosuid,nodev,size=64m,mode=1777' },
      Mounts: [
        { Type: 'volume', Source: secretsVolume(config), Target: EDGE_SECRETS },
        ...(socketFolder === undefined ? [] : [{ Type: 'bind' as const, Source: socketFolder, Target: socketFolder }]),
      ],
      Init: true,
      LogConfig: LOG_CONFIG,
      NetworkMode: edgeNetworkName(config.host.id),
      PortBindings: { [relayPort]: [{ HostIp: '127.0.0.1', HostPort: String(config.edge.relayPort) }] },
      ExtraHosts: [`${HOST_NAME}:host-gateway`],
      RestartPolicy: { Name: 'unless-stopped' },
      // an edge stands in many networks and passes packets between none of them
      Sysctls: { 'net.ipv4.ip_forward': '0' },
    },
  };
}

function environmentOf(config: Config): string[] {
  const { edge, embeddings, knowledge, providers, security } = config;
  const values: Record<string, string | undefined> = {
    ROLE: 'edge',
    RUNTIME: 'docker',
    NODE_ENV: config.env,
    LOG_LEVEL: config.logLevel,
    DATA_DIR: '/tmp',
    HOST_ID: config.host.id,
    HOST_REGION: config.host.region,
    EDGE_BIND: '0.0.0.0',
    EDGE_RELAY_PORT: String(edge.relayPort),
    EDGE_AGENT_PORT: String(edge.agentPort),
    OPENAI_BASE_URL: fromContainer(providers.openai.baseUrl),
    ANTHROPIC_BASE_URL: fromContainer(providers.anthropic.baseUrl),
    GOOGLE_BASE_URL: fromContainer(providers.google.baseUrl),
    PROVIDER_SILENCE_TIMEOUT_SECONDS: String(providers.silenceTimeoutMs / 1000),
    EMBEDDINGS_URL: embeddings.url === undefined ? undefined : fromContainer(embeddings.url),
    EMBEDDINGS_MODEL: embeddings.model,
    VECTOR_STORE: knowledge.vectorStore,
    VECTOR_CACHE_MB: String(knowledge.vectorCacheMb),
    EDGE_CALLS_PER_AGENT: String(edge.callsPerAgent),
    ...registriesOf(config),
    EGRESS_ALLOW_CIDRS: security.egressAllowCidrs.join(','),
  };
  return Object.entries(values).flatMap(([name, value]) => (value ? [`${name}=${value}`] : []));
}

/** Variable → what the installer of tools is pointed at, as the edge reaches it. */
function registriesOf({ tools }: Config): Record<string, string | undefined> {
  const { npm, pip, go, apt } = registriesFromContainer(tools.registries);
  return {
    TOOLS_NPM_REGISTRY: npm,
    TOOLS_PIP_INDEX: pip,
    TOOLS_GO_PROXY: go,
    TOOLS_APT_SOURCE: apt,
    TOOLS_DOWNLOAD_HOSTS: tools.downloadHosts.join(','),
  };
}

type Registries = Config['tools']['registries'];

/** The same registries with addresses that hold inside a container. */
export function registriesFromContainer(registries: Registries): Registries {
  const words = (text: string | undefined): string | undefined => text?.split(' ').map(fromContainer).join(' ');
  return {
    npm: words(registries.npm),
    pip: words(registries.pip),
    go: words(registries.go),
    apt: words(registries.apt),
  };
}

function secretsOf(config: Config): Record<string, string> {
  const { embeddings, providers, security } = config;
  const values: Record<string, string | undefined> = {
    DATABASE_URL: fromContainer(config.databaseUrl),
    JWT_SECRET: security.jwtSecret,
    MASTER_KEY: security.masterKey,
    MASTER_KEY_PREVIOUS: security.previousMasterKeys.join(','),
    METRICS_TOKEN: security.metricsToken,
    OPENAI_API_KEY: providers.openai.apiKey,
    ANTHROPIC_API_KEY: providers.anthropic.apiKey,
    GOOGLE_API_KEY: providers.google.apiKey,
    EMBEDDINGS_API_KEY: embeddings.apiKey,
    PRICES: config.prices,
  };
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => Boolean(entry[1])));
}

/** The same address as a container of this machine reaches it: loopback is the machine, not the container. */
export function fromContainer(address: string): string {
  if (!URL.canParse(address)) return address;
  const url = new URL(address);
  if (socketFolderOf(address) !== undefined) return address;
  if (!/^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)) return address;
  return address.replace(
    /^([a-z][a-z0-9+.-]*:\/\/(?:[^@/?#]*@)?)(?:localhost|127(?:\.\d+){3}|\[::1\])/i,
    `$1${HOST_NAME}`,
  );
}

/** The folder of a Unix socket in a Postgres address (`?host=/folder`, or the percent-encoded folder as host). */
export function socketFolderOf(databaseUrl: string): string | undefined {
  if (!URL.canParse(databaseUrl)) return undefined;
  const url = new URL(databaseUrl);
  const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname);
  return host.startsWith('/') ? host : undefined;
}

/** Whoever may enter the socket's folder: any user when it is open, else its owner. */
function userOf(socketFolder: string | undefined): number {
  const folder = socketFolder === undefined ? undefined : statSync(socketFolder, { throwIfNoEntry: false });
  return folder === undefined || (folder.mode & 0o005) === 0o005 ? AGENT_UID : folder.uid;
}
