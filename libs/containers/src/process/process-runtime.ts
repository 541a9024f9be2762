import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError } from '#libs/kernel';
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
import { CpuMeter } from '../cpu-meter.js';
import { httpProbe } from '../http-probe.js';
import { KeyedMutex } from '../keyed-mutex.js';
import { checkAgentId, checkSpec, isAgentId } from '../spec-checks.js';
import { specHash } from '../spec-hash.js';
import { missing } from '../states.js';
import { AgentFolder, type KeptSpec } from './agent-folder.js';
import { launch } from './agent-process.js';
import { AgentImages } from './agent-images.js';
import { type AgentProgram, checkReachable } from './agent-program.js';
import { Endings } from './endings.js';
import { hostPrograms } from './host-programs.js';
import { alive, aliveOrAdopted, end } from './life.js';
import type { NumberBook } from './number-book.js';
import { OutputLog } from './output-log.js';
import type { OpenclawProgram } from './openclaw-program.js';
import { Ports } from './ports.js';
import { startMark, useOfTree } from './process-table.js';
import { withStartLock } from './start-lock.js';
import { agentUsers } from './users.js';
import { FolderWorkspaces } from './folder-workspaces.js';
import { writeFiles } from './workspace.js';

const ROTATE_EVERY_MS = 2_000;

export interface ProcessRuntimeOptions {
  readonly dataDir: string;
  readonly agentDoorUrl: string;
  /** The built agent and the Node it runs on. */
  readonly program: AgentProgram;
  /** Absent: agents of its runtime are refused. */
  readonly openclaw?: OpenclawProgram;
}

/** Runs agents as processes of this machine. Everything it knows lies in `DATA_DIR`, so any later worker goes on from there. */
export class ProcessRuntime implements ContainerRuntime {
  readonly name = 'process';
  readonly tools = null;
  readonly agentDoorUrl: string;
  readonly workspaces: FolderWorkspaces;
  private readonly locks = new KeyedMutex();
  private readonly cpu = new CpuMeter();
  private readonly endings = new Endings();
  private readonly agentsFolder: string;
  private readonly ports: Ports;
  private readonly users: NumberBook | undefined;
  private readonly images: AgentImages;
  private rotation: NodeJS.Timeout | undefined;

  constructor(options: ProcessRuntimeOptions) {
    this.agentDoorUrl = options.agentDoorUrl;
    this.agentsFolder = join(options.dataDir, 'agents');
    this.ports = new Ports(options.dataDir);
    this.users = agentUsers(join(options.dataDir, 'users'));
    this.images = new AgentImages(options, this.users !== undefined);
    this.workspaces = new FolderWorkspaces({
      folder: (agentId) => this.folder(agentId),
      ownerOf: async (agentId) => this.users?.numberOf(agentId),
      node: options.program.node,
    });
  }

  programs(names: readonly string[]): Promise<Record<string, string>> {
    return hostPrograms(names);
  }

  async prepare(): Promise<void> {
    mkdirSync(this.agentsFolder, { recursive: true, mode: 0o711 });
    if (this.users !== undefined) checkReachable(this.agentsFolder);
    this.images.program();
    for (const agentId of this.agentIds()) await this.inspect(agentId);
    this.rotation ??= setInterval(() => this.rotateAll(), ROTATE_EVERY_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.rotation);
    this.rotation = undefined;
  }

  async ensure(spec: ContainerSpec, signal: AbortSignal, mark?: string): Promise<ContainerState> {
    checkSpec(spec);
    const imageId = this.images.idOf(spec);
    return this.locks.run(spec.agentId, async () => {
      signal.throwIfAborted();
      const folder = this.folder(spec.agentId);
      folder.create();
      const hash = specHash(spec);
      const kept = folder.read('spec');
      if (kept?.hash === hash && kept.spec.epoch === spec.epoch) {
        const state = await this.state(spec.agentId, folder);
        if (mark !== undefined && state.status === 'created') folder.write('copy', mark);
        return state;
      }
      await end(folder, kept?.spec.stopTimeoutMs ?? 0, signal);
      folder.dropInstance();
      const port = await this.ports.portOf(spec.agentId);
      const owner = await this.users?.numberOf(spec.agentId);
      writeFiles(folder.workspace, spec.files, folder.read('files') ?? [], owner);
      folder.write(
        'files',
        spec.files.map(({ path }) => path),
      );
      if (mark !== undefined) folder.write('copy', mark);
      folder.write('spec', { spec, hash, port, imageId });
      return this.state(spec.agentId, folder);
    });
  }

  async start(agentId: string, signal: AbortSignal): Promise<ContainerState> {
    checkAgentId(agentId);
    return this.locks.run(agentId, async () => {
      signal.throwIfAborted();
      const folder = this.folder(agentId);
      const kept = folder.read('spec');
      if (kept === undefined)
        throw new DomainError('conflict', 'config', 'There is nothing to start: ensure comes first');
      await withStartLock(folder.lock, signal, async () => {
        if ((await aliveOrAdopted(folder)) === undefined) await this.spawn(folder, kept);
      });
      return this.state(agentId, folder);
    });
  }

  async stop(agentId: string, timeoutMs: number, signal: AbortSignal): Promise<ContainerState> {
    checkAgentId(agentId);
    return this.locks.run(agentId, async () => {
      const folder = this.folder(agentId);
      await end(folder, timeoutMs, signal);
      return this.state(agentId, folder);
    });
  }

  async remove(agentId: string, options: RemoveOptions, signal: AbortSignal): Promise<void> {
    checkAgentId(agentId);
    await this.locks.run(agentId, async () => {
      const folder = this.folder(agentId);
      await end(folder, folder.read('spec')?.spec.stopTimeoutMs ?? 0, signal);
      folder.dropInstance();
      this.cpu.forget(agentId);
      if (options.wipe || options.connections === true) this.ports.forget(agentId);
      if (!options.wipe) return;
      // nobody else may own files of the agent, and as long as its folder is there whoever finds it removes the rest
      folder.clear();
      this.users?.forget(agentId);
      folder.wipe();
    });
  }

  async inspect(agentId: string): Promise<ContainerState> {
    checkAgentId(agentId);
    const folder = this.folder(agentId);
    if (folder.read('intent') === undefined) return this.state(agentId, folder);
    return this.locks.run(agentId, async () => {
      await aliveOrAdopted(folder);
      return this.state(agentId, folder);
    });
  }

  async stats(agentId: string): Promise<ContainerStats | null> {
    const folder = this.folder(agentId);
    const identity = await alive(folder);
    const use = identity === undefined ? null : await useOfTree(identity.pid);
    if (identity === undefined || use === null) return null;
    const cpuPercent = this.cpu.percent(agentId, use.cpuSeconds, new Date(identity.startedAt));
    const memoryLimitBytes = (folder.read('spec')?.spec.memoryMb ?? 0) * 1024 * 1024;
    return { memoryBytes: use.residentBytes, memoryLimitBytes, cpuPercent };
  }

  logs(agentId: string, options: LogOptions): AsyncIterable<ContainerLogLine> {
    checkAgentId(agentId);
    return new OutputLog(this.folder(agentId).output).read(options);
  }

  list(): Promise<ContainerState[]> {
    return Promise.all(this.agentIds().map((agentId) => this.inspect(agentId)));
  }

  async probe(agentId: string, path: ProbePath, signal: AbortSignal): Promise<number | null> {
    const folder = this.folder(agentId);
    const port = folder.read('spec')?.port;
    const identity = await alive(folder);
    if (identity === undefined || port === undefined) return null;
    const answer = await httpProbe(`http://127.0.0.1:${port}${path}`, {}, signal);
    // a stranger on the agent's port would answer too; only the agent knows its nonce
    if (answer === null || (path === '/healthz' && !answer.body.includes(identity.nonce))) return null;
    return answer.status;
  }

  private async spawn(folder: AgentFolder, kept: KeptSpec): Promise<void> {
    const { spec } = kept;
    const nonce = randomUUID();
    const port = await this.ports.portOf(spec.agentId);
    if (port !== kept.port) folder.write('spec', { ...kept, port });
    folder.write('intent', { nonce });
    const program = this.images.program(spec);
    const child = await launch({
      program,
      openclawPackage: program.openclawPackage,
      spec,
      port,
      nonce,
      workspace: realpathSync(folder.workspace),
      owner: await this.users?.numberOf(spec.agentId),
      output: new OutputLog(folder.output).openForAppend(),
    });
    this.endings.watch(child, folder, nonce);
    const mark = (await startMark(child.pid)) ?? 'gone';
    const identity = { nonce, pid: child.pid, startMark: mark, startedAt: new Date().toISOString() };
    folder.write('identity', identity);
    folder.drop('intent');
  }

  private async state(agentId: string, folder: AgentFolder): Promise<ContainerState> {
    const kept = folder.read('spec');
    if (kept === undefined) return missing(agentId);
    const made = { ...missing(agentId), epoch: kept.spec.epoch, specHash: kept.hash, imageId: kept.imageId ?? null };
    const living = await alive(folder);
    const identity = living ?? folder.read('identity');
    if (identity === undefined) return { ...made, status: 'created' };
    const startedAt = new Date(identity.startedAt);
    if (living !== undefined) return { ...made, status: 'running', endpoint: `127.0.0.1:${kept.port}`, startedAt };
    await this.endings.written(identity.nonce);
    const ending = folder.read('ending');
    const { exitCode, oomKilled } = ending?.nonce === identity.nonce ? ending : made;
    return { ...made, status: 'exited', startedAt, exitCode, oomKilled };
  }

  private folder(agentId: string): AgentFolder {
    return new AgentFolder(join(this.agentsFolder, agentId));
  }

  private agentIds(): string[] {
    try {
      return readdirSync(this.agentsFolder).filter(isAgentId);
    } catch {
      return [];
    }
  }

  private rotateAll(): void {
    for (const agentId of this.agentIds()) {
      try {
        new OutputLog(this.folder(agentId).output).rotate();
      } catch {
        // a full disk or a folder wiped this moment: the next round tries again
      }
    }
  }
}
