import type { Tx } from '#libs/database';
import type { McpServers } from '#libs/mcp';
import type { AgentStatus, DesiredState } from './agent.state.js';
import type { ImageUpdateData, RefusedHostData, SkillSwitchData } from './agents.events.js';

export type AgentRuntime = 'house' | 'openclaw';
export const RUNTIMES: readonly AgentRuntime[] = ['house', 'openclaw'];
export type Region = 'us' | 'eu';
export const REGIONS: readonly Region[] = ['us', 'eu'];

/** Why the last attempt failed. `ADVICE` says what to do about each. */
export type ErrorCategory =
  | 'image_pull'
  | 'config'
  | 'oom'
  | 'auth'
  | 'crash_loop'
  | 'no_capacity'
  | 'host_lost'
  | 'provision_failed'
  | 'unknown';

/** Free-form settings of an agent. Known fields are checked, all others kept as sent. */
export interface AgentConfig {
  readonly llmProvider?: 'openai' | 'anthropic' | 'google' | 'demo';
  readonly model?: string;
  /** 0 to 2. */
  readonly temperature?: number;
  /** Of one reply. */
  readonly maxTokens?: number;
  readonly mcpServers?: McpServers;
  /** Hosts it may reach in the docker runtime: `name`, `*.suffix`, each with `:port` where it is not 80 or 443. */
  readonly egress?: { readonly allowHosts?: readonly string[] };
  /** OpenClaw: nobody's chats get tools, as if everybody were a peer. */
  readonly sharedMode?: boolean;
  readonly [key: string]: unknown;
}

/** An agent as its organisation sees it. */
export interface Agent {
  readonly id: string;
  readonly orgId: string;
  /** Id of the user who made it, or whose key did; null when that user is gone. */
  readonly createdBy: string | null;
  readonly name: string;
  /** Who the agent is, in its owner's words; goes into IDENTITY.md of its workspace. */
  readonly persona: string | null;
  /** `agent:<slug>:main`, unique in the organisation. Null for an agent that an older version made. */
  readonly sessionKey: string | null;
  readonly status: AgentStatus;
  readonly desiredState: DesiredState;
  readonly region: string;
  readonly runtime: AgentRuntime;
  readonly image: string;
  /** What the host says that the image was when the agent was ready last; null: it was not since it has this image. */
  readonly imageId: string | null;
  /** Its image before the update that is under way; null: none is. */
  readonly previousImage: string | null;
  readonly avatarUrl: string | null;
  readonly config: AgentConfig;
  /** Only filled by `get`. */
  readonly workflowMd: string | null;
  /** Whose models it uses: what config asks for, or the first that a key is stored for. Only filled by `get`. */
  readonly provider: Exclude<AgentConfig['llmProvider'], undefined> | null;
  readonly swarm: AgentSwarm | null;
  /** The running instance was made from older settings than the present ones. */
  readonly needsRestart: boolean;
  /** Null unless the last attempt failed. */
  readonly lastError: string | null;
  readonly errorCategory: ErrorCategory | null;
  /** Failed attempts and crashes since it was made. */
  readonly errorCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly startedAt: Date | null;
  readonly stoppedAt: Date | null;
  /** When it was ready for the first time. */
  readonly provisionedAt: Date | null;
  /** Since when it is paused: stopped until somebody resumes it. Null unless it is. */
  readonly pausedAt: Date | null;
}

/** Writes of a domain above this one in the transaction that makes or changes an agent. */
export type AlongWith = (tx: Tx, agentId: string) => Promise<void>;

export interface AgentSwarm {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
}

export interface CreateAgent {
  readonly name: string;
  /** Default `eu`. */
  readonly region?: Region;
  /** Default from the configuration. */
  readonly runtime?: AgentRuntime;
  /** By snake_case name, for example `openai_api_key`. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly soulMd?: string;
  readonly workflowMd?: string;
  readonly swarmId?: string;
  /** At most 5,000 characters. */
  readonly persona?: string;
  /** The key of its provider comes later, or is the organisation's: without one it is made all the same and fails to start. */
  readonly keyLater?: boolean;
}

export interface UpdateAgent {
  readonly name?: string;
  readonly avatarUrl?: string | null;
  /** Merged into the old one, shallow; null removes a key. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Takes the place of the old one, but for `model`. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  readonly persona?: string | null;
  readonly swarmId?: string | null;
}

export interface ListAgents {
  readonly status?: AgentStatus | readonly AgentStatus[];
  /** Only those that are paused, or only those that are not. */
  readonly paused?: boolean;
  readonly swarmId?: string;
  /** Default and most: 1000. */
  readonly limit?: number;
  readonly offset?: number;
}

/** Where the gateway of a running agent is reached. */
export interface GatewayTarget {
  readonly agentId: string;
  readonly hostId: string;
  /** Base URL of the host's relay. */
  readonly edgeUrl: string;
  /** `host:port` of the gateway as that edge sees it. */
  readonly endpoint: string;
  /** The epoch of the running instance: what tokens must carry. */
  readonly epoch: number;
  readonly runtime: AgentRuntime;
  /** Chats with a peer are taken. */
  readonly servesPeers: boolean;
}

export interface LiveStatus {
  readonly status: AgentStatus;
  /** As the container runtime reported it last: `running`, `exited`, `missing`, … */
  readonly containerStatus: string;
  /** The instance answered, or reported within the last 60 s. */
  readonly live: boolean;
  /** Null unless running and reported. */
  readonly resources: AgentResources | null;
  /** `redis`: from the last report, less than 60 s old; `ssh`: asked just now. The names are agento's. */
  readonly source: 'redis' | 'ssh';
}

export interface AgentResources {
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  /** 100 is one whole core. */
  readonly cpuPercent: number;
}

export interface AgentUsage {
  /** All that are not deleted. */
  readonly agents: number;
  readonly runningAgents: number;
}

/** One change of status, newest first in {@link AgentExplanation}. */
export interface AgentTransition {
  readonly seq: number;
  readonly at: Date;
  readonly from: AgentStatus | null;
  readonly to: AgentStatus;
  /** Who or what caused it, for example `user:<id>` or `the process exited with code 1`. */
  readonly cause: string;
  readonly attempt: number | null;
  readonly nextRetryAt: Date | null;
  readonly category: ErrorCategory | null;
  readonly error: string | null;
}

/** A host that an agent may not reach and tried to. */
export interface RefusedHost extends RefusedHostData {
  readonly seq: number;
  readonly at: Date;
}

/** A skill of the agent whose content was disabled, or may be used again. */
export interface SwitchedSkill extends SkillSwitchData {
  readonly seq: number;
  readonly at: Date;
}

/** One step of an update of the image. */
export interface ImageUpdate extends ImageUpdateData {
  readonly seq: number;
  readonly at: Date;
}

/** How the files that an agent wrote are stored. */
export interface AgentFilesState {
  readonly count: number;
  readonly bytes: number;
  /** When all of them were last known to be stored; null: never. */
  readonly storedAt: Date | null;
  /** Why they were not stored the last time; what was stored before is kept. */
  readonly lastError: string | null;
  readonly errorCode: string | null;
  /** When they are looked at again while it runs, or after a failure. */
  readonly nextAt: Date;
  /** Paths that are not stored as they are: too large, or could not be read; at most ten. */
  readonly leftOut: readonly string[];
}

/** Why an agent is in the state it is in. */
export interface AgentExplanation {
  readonly agentId: string;
  readonly desired: { readonly state: DesiredState; readonly generation: number; readonly restartGeneration: number };
  readonly observed: { readonly status: AgentStatus; readonly generation: number; readonly restartGeneration: number };
  readonly needsRestart: boolean;
  readonly host: {
    readonly id: string;
    readonly region: string;
    readonly alive: boolean;
    readonly draining: boolean;
    readonly heartbeatAt: Date;
  } | null;
  readonly attempt: number;
  /** Null when nothing is planned: settled, or given up until a user acts. */
  readonly nextRetryAt: Date | null;
  readonly lastError: string | null;
  readonly category: ErrorCategory | null;
  /** What to do, when failed. */
  readonly advice: string | null;
  /** What to command once that is done; null: nothing, or it goes on by itself. */
  readonly command: 'start' | 'restart' | null;
  readonly image: Pick<Agent, 'imageId' | 'previousImage'> & { readonly reference: string };
  /** What is stored of the files it wrote; null before anything was looked at. */
  readonly files: AgentFilesState | null;
  /** The last 20, newest first. */
  readonly transitions: readonly AgentTransition[];
  /** What the egress proxy refused, the last 20, newest first; one entry a host and ten minutes. */
  readonly refusedHosts: readonly RefusedHost[];
  /** Skills of it that were disabled or may be used again, the last 20, newest first. */
  readonly switchedSkills: readonly SwitchedSkill[];
  /** How updates of its image went, the last 20 steps, newest first. */
  readonly imageUpdates: readonly ImageUpdate[];
}

/** One line of an agent's output. */
export interface LogLine {
  /** Grows with time; the cursor of a reader. */
  readonly id: number;
  readonly at: Date;
  readonly level: string;
  /** The whole line as printed: `<ISO> [level] text`. */
  readonly line: string;
}
