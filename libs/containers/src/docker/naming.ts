/** Labels by which containers, volumes and networks are found again. */
export const LABELS = {
  host: 'dev.rookery.host',
  agent: 'dev.rookery.agent',
  org: 'dev.rookery.org',
  epoch: 'dev.rookery.epoch',
  specHash: 'dev.rookery.spec-hash',
  stopTimeoutMs: 'dev.rookery.stop-timeout-ms',
  edge: 'dev.rookery.edge',
  tools: 'dev.rookery.tools',
} as const;

/** Where a workspace lies inside its container, and the port of the gateway. */
export const WORKSPACE = '/workspace';
export const GATEWAY_PORT = 8080;
/** Where OpenClaw's image has its package, and where the program in front of it is put in the workspace. */
export const OPENCLAW_IN_IMAGE = '/app';
export const BRIDGE_FILE = '.rookery/bridge.mjs';
/** The user agents run as: `node` in every image of ours. */
export const AGENT_UID = 1000;
/** Where tools lie in the containers that make and use them: each at the same place, since programs know it. */
export const toolsFolder = (digest: string): string => `/tools/${digest}`;
/** Name under which agents know the edge. */
export const EDGE_ALIAS = 'edge';

/** The one name of an agent's container, volume and network: the engine refuses a second. */
export const agentObject = (agentId: string): string => `rookery-agent-${agentId}`;

const inName = (hostId: string): string => hostId.replace(/[^A-Za-z0-9_.-]/g, '-');

export const edgeNetworkName = (hostId: string): string => `rookery-edge-${inName(hostId)}`;

/** The one container through which a host looks into images. */
export const lookName = (hostId: string): string => `rookery-look-${inName(hostId)}`;
