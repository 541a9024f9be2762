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
} from '../container-runtime.js';
import { KeyedMutex } from '../keyed-mutex.js';
import { checkSpec } from '../spec-checks.js';
import { specHash } from '../spec-hash.js';
import { missing } from '../states.js';
import { sleep } from '../waiting.js';
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
  | 'place';

interface FakeInstance {
  readonly spec: ContainerSpec;
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
  nextPort = 20_000;
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

  ensure(spec: ContainerSpec, signal: AbortSignal): Promise<ContainerState> {
    return this.locks.run(spec.agentId, async () => {
      await this.enter('ensure', spec.agentId, signal);
      checkSpec(spec);
      const agent = this.agent(spec.agentId);
      const { instance } = agent;
      if (instance?.spec.epoch === spec.epoch && specHash(instance.spec) === specHash(spec))
        return this.state(spec.agentId);
      for (const path of agent.written) agent.workspace.delete(path);
      agent.written.clear();
      for (const { path, content } of spec.files) {
        agent.written.add(path);
        agent.workspace.set(path, content);
      }
      const port = instance?.port ?? this.host.nextPort++;
      agent.instance = { spec, status: 'created', startedAt: null, exitCode: null, oomKilled: false, port };
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

  remove(agentId: string, options: { readonly wipe: boolean }, signal: AbortSignal): Promise<void> {
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
      if (options.follow !== true || !(await sleep(10, options.signal))) return;
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
    const { spec, status, startedAt, exitCode, oomKilled, port } = instance;
    const endpoint = status === 'running' ? `127.0.0.1:${port}` : null;
    return { agentId, status, epoch: spec.epoch, specHash: specHash(spec), endpoint, startedAt, exitCode, oomKilled };
  }
}
