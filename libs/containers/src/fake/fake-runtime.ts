import { EventEmitter, once } from 'node:events';
import { DomainError } from '#libs/kernel';
import type { AgentTools } from '../agent-tools.js';
import type {
  ContainerLogLine,
  ContainerRuntime,
  ContainerSpec,
  ContainerState,
  ContainerStats,
  LogOptions,
  ProbePath,
  RemoveOptions,
} from '../container-runtime.js';
import { KeyedMutex } from '../keyed-mutex.js';
import { checkSpec } from '../spec-checks.js';
import { specHash } from '../spec-hash.js';
import { missing } from '../states.js';
import { FakeWorkspaces } from './fake-workspaces.js';

type Step =
  | 'prepare'
  | 'ensure'
  | 'start'
  | 'stop'
  | 'remove'
  | 'inspect'
  | 'stats'
  | 'probe'
  | 'list'
  | 'read'
  | 'restore'
  | 'place'
  | 'erase';

interface FakeInstance {
  readonly spec: ContainerSpec;
  readonly specHash: string;
  readonly imageId: string;
  status: 'created' | 'running' | 'exited';
  startedAt: Date | null;
  exitCode: number | null;
  oomKilled: boolean;
  port: number;
}

export interface FakeAgent {
  instance: FakeInstance | undefined;
  readonly workspace: Map<string, string>;
  readonly written: Set<string>;
  mark: string | null;
  readonly lines: ContainerLogLine[];
  position: number;
}

/** What outlives a worker: share one between two runtimes to play a worker's restart. */
export class FakeHost {
  readonly agents = new Map<string, FakeAgent>();
  /** Images it does not have and can't get. */
  readonly absentImages = new Set<string>();
  /** Ids of images by reference; of any other the reference stands for itself. */
  readonly images = new Map<string, string>();
  nextPort = 20_000;
  /** Emits the id of an agent that has printed. */
  readonly printed = new EventEmitter().setMaxListeners(0);
}

const KEPT_LINES = 1_000;

/** In-memory runtime for unit and scale tests. `before` may throw, wait or count; `crash`, `print` and `ready` play the agent. */
export class FakeRuntime implements ContainerRuntime {
  readonly name = 'fake';
  /** A test may give it some. */
  tools: AgentTools | null = null;
  /** What its agents find on their PATH. */
  path: Readonly<Record<string, string>> = { node: '/usr/bin/node' };
  readonly agentDoorUrl = 'http://127.0.0.1:4101';
  /** Called ahead of every step; what it throws is what the step throws. */
  before: (step: Step, agentId: string | undefined) => void | Promise<void> = () => undefined;
  /** What `probe` answers for a running agent. */
  ready: (agentId: string, path: string) => number | null = () => 200;
  readonly workspaces: FakeWorkspaces;
  private readonly locks = new KeyedMutex();

  constructor(readonly host: FakeHost = new FakeHost()) {
    this.workspaces = new FakeWorkspaces(
      (agentId) => this.host.agents.get(agentId),
      async (step, agentId) => this.before(step, agentId),
    );
  }

  programs(names: readonly string[]): Promise<Record<string, string>> {
    return Promise.resolve(Object.fromEntries(Object.entries(this.path).filter(([name]) => names.includes(name))));
  }

  async prepare(): Promise<void> {
    await this.before('prepare', undefined);
  }

  ensure(spec: ContainerSpec, signal: AbortSignal, mark?: string): Promise<ContainerState> {
    return this.locks.run(spec.agentId, async () => {
      await this.enter('ensure', spec.agentId, signal);
      checkSpec(spec);
      const agent = this.agent(spec.agentId);
      const { instance } = agent;
      const hash = specHash(spec);
      if (instance?.spec.epoch === spec.epoch && instance.specHash === hash) {
        if (mark !== undefined && instance.status === 'created') agent.mark = mark;
        return this.state(spec.agentId);
      }
      const imageId = imageOf(spec, this.host);
      agent.mark = mark ?? agent.mark;
      for (const path of agent.written) agent.workspace.delete(path);
      agent.written.clear();
      for (const { path, content } of spec.files) {
        agent.written.add(path);
        agent.workspace.set(path, content);
      }
      const port = instance?.port ?? this.host.nextPort++;
      const fresh = { startedAt: null, exitCode: null, oomKilled: false };
      agent.instance = { spec, specHash: hash, imageId, status: 'created', port, ...fresh };
      return this.state(spec.agentId);
    });
  }

  start(agentId: string, signal: AbortSignal): Promise<ContainerState> {
    return this.locks.run(agentId, async () => {
      await this.enter('start', agentId, signal);
      const instance = this.host.agents.get(agentId)?.instance;
      if (instance === undefined)
        throw new DomainError('conflict', 'config', 'There is nothing to start: ensure comes first');
      if (instance.status !== 'running') {
        Object.assign(instance, { status: 'running', startedAt: new Date(), exitCode: null, oomKilled: false });
        this.print(agentId, 'info', `fake agent listens, epoch ${instance.spec.epoch}`);
      }
      return this.state(agentId);
    });
  }

  stop(agentId: string, _timeoutMs: number, signal: AbortSignal): Promise<ContainerState> {
    return this.locks.run(agentId, async () => {
      await this.enter('stop', agentId, signal);
      this.crash(agentId, { exitCode: 0 });
      return this.state(agentId);
    });
  }

  remove(agentId: string, options: RemoveOptions, signal: AbortSignal): Promise<void> {
    return this.locks.run(agentId, async () => {
      await this.enter('remove', agentId, signal);
      const agent = this.host.agents.get(agentId);
      if (agent !== undefined) agent.instance = undefined;
      if (options.wipe) this.host.agents.delete(agentId);
    });
  }

  async inspect(agentId: string): Promise<ContainerState> {
    await this.before('inspect', agentId);
    return this.state(agentId);
  }

  async stats(agentId: string): Promise<ContainerStats | null> {
    await this.before('stats', agentId);
    const instance = this.host.agents.get(agentId)?.instance;
    if (instance?.status !== 'running') return null;
    return { memoryBytes: 64 * 1024 * 1024, memoryLimitBytes: instance.spec.memoryMb * 1024 * 1024, cpuPercent: 0.5 };
  }

  async *logs(agentId: string, options: LogOptions): AsyncIterable<ContainerLogLine> {
    let after = options.after ?? this.positionBefore(agentId, options.tail ?? KEPT_LINES);
    while (!options.signal.aborted) {
      const fresh = (this.host.agents.get(agentId)?.lines ?? []).filter((line) => line.position > after);
      for (const line of fresh) {
        after = line.position;
        yield line;
      }
      if (fresh.length > 0) continue;
      if (options.follow !== true) return;
      await once(this.host.printed, agentId, { signal: options.signal }).catch(() => undefined);
    }
  }

  private positionBefore(agentId: string, tail: number): number {
    const lines = this.host.agents.get(agentId)?.lines ?? [];
    return lines[Math.max(0, lines.length - tail) - 1]?.position ?? 0;
  }

  async list(): Promise<ContainerState[]> {
    await this.before('list', undefined);
    return [...this.host.agents.keys()].map((agentId) => this.state(agentId));
  }

  async probe(agentId: string, path: ProbePath, signal: AbortSignal): Promise<number | null> {
    await this.enter('probe', agentId, signal);
    return this.state(agentId).status === 'running' ? this.ready(agentId, path) : null;
  }

  /** Ends a running agent the way a crash would. */
  crash(agentId: string, how: { exitCode: number; oomKilled?: boolean } = { exitCode: 1 }): void {
    const instance = this.host.agents.get(agentId)?.instance;
    if (instance?.status === 'running') {
      Object.assign(instance, { status: 'exited', exitCode: how.exitCode, oomKilled: how.oomKilled ?? false });
    }
  }

  /** Writes a line of output as the agent would. */
  print(agentId: string, level: string, text: string): void {
    const agent = this.agent(agentId);
    const at = new Date();
    agent.position += text.length + 1;
    agent.lines.push({ at, text: `${at.toISOString()} [${level}] ${text}`, position: agent.position });
    if (agent.lines.length > KEPT_LINES) agent.lines.shift();
    this.host.printed.emit(agentId);
  }

  private async enter(step: Step, agentId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.before(step, agentId);
    signal.throwIfAborted();
  }

  private agent(agentId: string): FakeAgent {
    const found = this.host.agents.get(agentId);
    if (found !== undefined) return found;
    const made: FakeAgent = {
      instance: undefined,
      workspace: new Map(),
      written: new Set(),
      mark: null,
      lines: [],
      position: 0,
    };
    this.host.agents.set(agentId, made);
    return made;
  }

  private state(agentId: string): ContainerState {
    const instance = this.host.agents.get(agentId)?.instance;
    if (instance === undefined) return missing(agentId);
    const { spec, specHash: hash, imageId, status, startedAt, exitCode, oomKilled, port } = instance;
    const endpoint = status === 'running' ? `127.0.0.1:${port}` : null;
    const made = { agentId, epoch: spec.epoch, specHash: hash, imageId };
    return { ...made, status, endpoint, startedAt, exitCode, oomKilled };
  }
}

function imageOf({ image, imageId }: ContainerSpec, { absentImages, images }: FakeHost): string {
  if (typeof imageId === 'string' && !absentImages.has(imageId)) return imageId;
  if (!absentImages.has(image)) return images.get(image) ?? `id-of-${image}`;
  throw new DomainError('unavailable', 'image_pull', `The image ${image} is not on this host`);
}
