import type { AgentTools } from './agent-tools.js';
import type { AgentWorkspaces } from './agent-workspaces.js';

/** Injection token of the host's {@link ContainerRuntime}. */
export const CONTAINER_RUNTIME = Symbol('CONTAINER_RUNTIME');

/** A file written into the workspace before the agent starts. */
export interface WorkspaceFile {
  /** Relative to the workspace, forward slashes, no `..`. */
  readonly path: string;
  readonly content: string;
}

/** What an agent's container or process has to be. */
export interface ContainerSpec {
  readonly agentId: string;
  readonly orgId: string;
  /** The fencing epoch under which this instance is made; tokens in `env` carry it. */
  readonly epoch: number;
  /** Which program runs: `house` or `openclaw`. */
  readonly runtime: 'house' | 'openclaw';
  /** Image reference; for the process adapter the folder of a program when it is an absolute path, else the built-in one. */
  readonly image: string;
  /** Id of the image to run where the host still has it, whatever `image` means there by now. */
  readonly imageId?: string | null;
  /** The whole environment but for what the adapter adds: bind address, port, workspace path, nonce. */
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly WorkspaceFile[];
  /** Digests of {@link AgentTools} that it finds on its PATH; the process adapter has none. */
  readonly tools?: readonly string[];
  readonly memoryMb: number;
  readonly cpus: number;
  readonly pidsLimit: number;
  /** How long a stop may take before the kill. */
  readonly stopTimeoutMs: number;
}

/** What the runtime finds for an agent. */
export interface ContainerState {
  readonly agentId: string;
  readonly status: 'missing' | 'created' | 'running' | 'exited';
  /** Epoch and digest of the spec the instance was made from; null when missing. */
  readonly epoch: number | null;
  readonly specHash: string | null;
  /** What it runs, however it was named: the engine's id of the image, or the version of the program. Null when missing. */
  readonly imageId: string | null;
  /** `host:port` of the gateway as the host's edge reaches it; null unless running. */
  readonly endpoint: string | null;
  readonly startedAt: Date | null;
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
}

/** Present use of resources. */
export interface ContainerStats {
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  /** 100 is one whole core. */
  readonly cpuPercent: number;
}

/** One line of output with the position after it, from which `logs` can go on. */
export interface ContainerLogLine {
  readonly at: Date;
  readonly text: string;
  /** Opaque, grows with the output; survives a restart of the worker. */
  readonly position: number;
}

export interface LogOptions {
  /** Only what lies after this position. */
  readonly after?: number;
  /** At most this many of the newest lines; ignored when `after` is given. */
  readonly tail?: number;
  /** Go on until the signal fires. */
  readonly follow?: boolean;
  readonly signal: AbortSignal;
}

export interface RemoveOptions {
  /** Also workspace, network and all that is kept for the agent. */
  readonly wipe: boolean;
  /** Also what connects it (network, port), so that it is made anew; the workspace stays. */
  readonly connections?: boolean;
}

/** `/readyz?for=peers` answers 200 only where chats with peers are taken. */
export type ProbePath = '/healthz' | '/readyz' | '/readyz?for=peers';

/**
 * Runs agents on this host. Every method is idempotent and finds what an earlier worker left
 * (labels on Docker, identity files for processes). At most one instance exists per agent.
 */
export interface ContainerRuntime {
  readonly name: 'docker' | 'process' | 'fake';
  /** Base URL under which an agent on this host reaches the edge's agent door. */
  readonly agentDoorUrl: string;
  /** The files agents wrote. */
  readonly workspaces: AgentWorkspaces;
  /** Where tools are installed for agents; null where people do that. */
  readonly tools: AgentTools | null;
  /** Prepares the host (edge container, folders, networks); called at every worker start. */
  prepare(signal: AbortSignal): Promise<void>;
  /**
   * Makes the instance exist as the spec says, not yet started. An instance of another epoch or spec is removed first;
   * the workspace stays.
   * @param mark - for a workspace to which nothing is to be restored: it bears this mark afterwards, if the state is `created`.
   * @throws DomainError code `image_pull`, `no_capacity` or `config` when the spec can't be met.
   */
  ensure(spec: ContainerSpec, signal: AbortSignal, mark?: string): Promise<ContainerState>;
  /** Starts it and waits until the process runs (not until it is ready). */
  start(agentId: string, signal: AbortSignal): Promise<ContainerState>;
  /** Asks it to end, kills it after `timeoutMs`; a missing one is fine. */
  stop(agentId: string, timeoutMs: number, signal: AbortSignal): Promise<ContainerState>;
  /** Removes the instance. */
  remove(agentId: string, options: RemoveOptions, signal: AbortSignal): Promise<void>;
  inspect(agentId: string): Promise<ContainerState>;
  /** Null unless running. */
  stats(agentId: string): Promise<ContainerStats | null>;
  logs(agentId: string, options: LogOptions): AsyncIterable<ContainerLogLine>;
  /** Every agent with an instance or a workspace on this host, whoever made it. */
  list(): Promise<ContainerState[]>;
  /** Which of these programs agents find on their PATH without any tools: path by name. */
  programs(names: readonly string[], signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** GET on the gateway as seen from this worker; resolves the status code, or null when nothing answers. */
  probe(agentId: string, path: ProbePath, signal: AbortSignal): Promise<number | null>;
}
