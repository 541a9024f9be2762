import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type Docker from 'dockerode';
import type { Config } from '#libs/config';
import { signRelayToken } from '#libs/crypto';
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
import { findBridge } from '../process/agent-program.js';
import { httpProbe } from '../http-probe.js';
import { KeyedMutex } from '../keyed-mutex.js';
import { checkAgentId, checkSpec } from '../spec-checks.js';
import { specHash } from '../spec-hash.js';
import { missing } from '../states.js';
import { containerOptions } from './agent-container.js';
import { toState } from './container-state.js';
import { AgentNetworks } from './agent-networks.js';
import { readLogs } from './docker-logs.js';
import { useOf } from './docker-stats.js';
import { DockerTools } from './docker-tools.js';
import { EdgeContainer } from './edge-container.js';
import { statusOf, toDomainError, unless, unlessMissing } from './engine-errors.js';
import { ImagePrograms } from './image-programs.js';
import { Images } from './images.js';
import { agentObject, BRIDGE_FILE, EDGE_ALIAS, LABELS } from './naming.js';
import type { AgentSubnet } from './subnets.js';
import { markFile, VolumeWorkspaces } from './volume-workspaces.js';
import { WorkspaceVolumes } from './workspace-volume.js';

/** Tries to win the agent's container name from other workers that make the same one. */
const MOST_RACES = 5;
const LOOKS_AT_ONCE = 16;

/** Runs each agent in a container of its own, in a network of its own, with the host's edge as the only neighbour. */
export class DockerRuntime implements ContainerRuntime {
  readonly name = 'docker';
  readonly tools: DockerTools;
  private readonly imagePrograms: ImagePrograms;
  readonly agentDoorUrl: string;
  readonly workspaces: VolumeWorkspaces;
  private readonly locks = new KeyedMutex();
  private readonly cpu = new CpuMeter();
  private readonly networks: AgentNetworks;
  private readonly volumes: WorkspaceVolumes;
  private readonly images: Images;
  private readonly edge: EdgeContainer;

  constructor(
    private readonly docker: Docker,
    private readonly config: Config,
    /** Told when the edge can't be kept running; it is tried again. */
    report: (error: unknown) => void = () => undefined,
  ) {
    this.agentDoorUrl = `http://${EDGE_ALIAS}:${config.edge.agentPort}`;
    this.networks = new AgentNetworks(docker, config.host.id, config.docker.subnetPool);
    this.volumes = new WorkspaceVolumes(docker, config.host.id);
    this.workspaces = new VolumeWorkspaces(docker, this.volumes);
    this.images = new Images(docker);
    this.edge = new EdgeContainer(docker, config, this.networks, this.images, report);
    this.imagePrograms = new ImagePrograms(docker, this.images, config.host.id);
    this.tools = new DockerTools({ docker, config, networks: this.networks, edge: this.edge, images: this.images });
  }

  programs(names: readonly string[], signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    return this.imagePrograms.of(this.config.agent.image, names, signal);
  }

  prepare(signal: AbortSignal): Promise<void> {
    return engine(this.edge.prepare(signal));
  }

  onModuleDestroy(): void {
    this.edge.close();
  }

  ensure(wanted: ContainerSpec, signal: AbortSignal, mark?: string): Promise<ContainerState> {
    return this.exclusively(wanted.agentId, async () => {
      checkSpec(wanted);
      const spec = { ...wanted, image: await this.images.resolve(wanted.image, wanted.imageId, signal) };
      const making = { spec, hash: specHash(wanted), mark, signal };
      for (let races = 0; races < MOST_RACES; races++) {
        signal.throwIfAborted();
        const made = (await this.reuse(making)) ?? (await this.make(making));
        if (made !== undefined) return made;
      }
      throw new DomainError('conflict', 'docker_refused', 'Another worker keeps making a container for this agent');
    });
  }

  start(agentId: string, signal: AbortSignal): Promise<ContainerState> {
    return this.exclusively(agentId, async () => {
      try {
        await unless([304], this.container(agentId).start({ abortSignal: signal }));
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
        throw new DomainError('conflict', 'config', 'There is nothing to start: ensure comes first');
      }
      return this.state(agentId);
    });
  }

  stop(agentId: string, timeoutMs: number, signal: AbortSignal): Promise<ContainerState> {
    return this.exclusively(agentId, async () => {
      await this.end(agentId, timeoutMs, signal);
      return this.state(agentId);
    });
  }

  remove(agentId: string, options: RemoveOptions, signal: AbortSignal): Promise<void> {
    return this.exclusively(agentId, async () => {
      const found = await this.inspectContainer(agentId);
      if (found !== undefined) await this.discard(found, signal);
      this.cpu.forget(agentId);
      if (options.wipe || options.connections === true) await this.networks.remove(agentId);
      if (options.wipe) await this.volumes.remove(agentId);
    });
  }

  inspect(agentId: string): Promise<ContainerState> {
    return engine(this.state(agentId));
  }

  async stats(agentId: string): Promise<ContainerStats | null> {
    const state = await this.inspect(agentId);
    if (state.status !== 'running') return null;
    const answer = await engine(unlessMissing(this.container(agentId).stats({ stream: false, 'one-shot': true })));
    const use = answer === undefined ? null : useOf(answer);
    if (use === null) return null;
    const cpuPercent = this.cpu.percent(agentId, use.cpuSeconds, state.startedAt ?? new Date());
    return { memoryBytes: use.memoryBytes, memoryLimitBytes: use.memoryLimitBytes, cpuPercent };
  }

  logs(agentId: string, options: LogOptions): AsyncIterable<ContainerLogLine> {
    checkAgentId(agentId);
    return readLogs(this.container(agentId), options);
  }

  async list(): Promise<ContainerState[]> {
    const filters = { label: [`${LABELS.host}=${this.config.host.id}`, LABELS.agent] };
    const containers = await engine(this.docker.listContainers({ all: true, filters }));
    const ids = new Set(await engine(this.volumes.agents()));
    for (const { Labels } of containers) ids.add(Labels[LABELS.agent] ?? '');
    const queue = [...ids].filter((agentId) => agentId !== '');
    const states: ContainerState[] = [];
    const look = async (): Promise<void> => {
      for (let agentId = queue.pop(); agentId !== undefined; agentId = queue.pop())
        states.push(await this.inspect(agentId));
    };
    await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, look));
    return states;
  }

  /** Through the edge's relay: the agent's network has no other way in. */
  async probe(agentId: string, path: ProbePath, signal: AbortSignal): Promise<number | null> {
    const { endpoint, epoch } = await this.inspect(agentId);
    if (endpoint === null || epoch === null) return null;
    const claims = { hostId: this.config.host.id, agentId, epoch, endpoint };
    const authorization = `Bearer ${signRelayToken(this.config.security.jwtSecret, claims)}`;
    const answer = await httpProbe(`${this.config.edge.url}/relay/${agentId}${path}`, { authorization }, signal);
    return answer === null || isRelayRefusal(answer.status) ? null : answer.status;
  }

  /** The present instance when it is what the spec asks for; one of another epoch, spec or subnet is removed. */
  private async reuse(making: Making): Promise<ContainerState | undefined> {
    const { spec, hash } = making;
    const found = await this.inspectContainer(spec.agentId);
    if (found === undefined) return undefined;
    const { [LABELS.epoch]: epoch, [LABELS.specHash]: foundHash } = found.Config.Labels;
    const isSame = epoch === String(spec.epoch) && foundHash === hash;
    const network = isSame ? await this.networks.ensure(spec.agentId) : undefined;
    if (network === undefined || addressOf(found) !== network.subnet.agent) {
      await this.discard(found, new AbortController().signal);
      return undefined;
    }
    await this.edge.join(network);
    // a worker may have died between making the container and filling its workspace
    if (found.State.Status === 'created') await this.fill(making);
    return this.state(spec.agentId);
  }

  /**
   * Container and network take the engine longest, so both are made at once.
   * @returns undefined when another worker took the name, or somebody the subnet, first.
   */
  private async make(making: Making): Promise<ContainerState | undefined> {
    const { agentId } = making.spec;
    const subnet = await this.networks.expected(agentId);
    const connected = this.connect(agentId);
    const filled = this.makeFilled(making, subnet);
    await Promise.allSettled([connected, filled]);
    const isTaken = (await connected).cidr !== subnet.cidr;
    if (!(await filled)) return undefined;
    if (!isTaken) return this.state(agentId);
    await unlessMissing(this.container(agentId).remove({ force: true, v: true }));
    return undefined;
  }

  private async connect(agentId: string): Promise<AgentSubnet> {
    const network = await this.networks.ensure(agentId);
    await this.edge.join(network);
    return network.subnet;
  }

  /** False when another worker took the name first. */
  private async makeFilled(making: Making, subnet: AgentSubnet): Promise<boolean> {
    const { spec, hash, signal } = making;
    const isNew = await this.volumes.ensure(spec.agentId);
    if (spec.runtime === 'openclaw') await this.volumes.own(spec.agentId, spec.image);
    const asked = { spec, hash, hostId: this.config.host.id, nonce: randomUUID(), subnet };
    const options = containerOptions({ ...asked, toolsVolume: (digest) => this.tools.volumes.nameOf(digest) });
    const made = await unless([409], this.docker.createContainer({ ...options, abortSignal: signal }));
    if (made === undefined) return false;
    await this.fill(making, isNew);
    return true;
  }

  private async fill({ spec, mark }: Making, isNew = false): Promise<void> {
    await this.tools.mustHave(spec.tools ?? [], this.container(spec.agentId));
    const bridge =
      spec.runtime === 'openclaw' ? [{ path: BRIDGE_FILE, content: readFileSync(findBridge(), 'utf8') }] : [];
    const files = [...spec.files, ...bridge];
    const marks = mark === undefined ? [] : [markFile(mark)];
    await this.volumes.fill(this.container(spec.agentId), spec, { files, marks, isNew });
  }

  private async discard(found: Docker.ContainerInspectInfo, signal: AbortSignal): Promise<void> {
    const agentId = found.Config.Labels[LABELS.agent] ?? '';
    if (found.State.Running) await this.end(agentId, Number(found.Config.Labels[LABELS.stopTimeoutMs] ?? 0), signal);
    // 409: another worker removes it this moment
    await unless([404, 409], this.docker.getContainer(found.Id).remove({ force: true, v: true }));
  }

  private async end(agentId: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    await unless([304, 404], this.container(agentId).stop({ t: Math.ceil(timeoutMs / 1000), abortSignal: signal }));
  }

  private async state(agentId: string): Promise<ContainerState> {
    checkAgentId(agentId);
    const found = await this.inspectContainer(agentId);
    return found === undefined ? missing(agentId) : toState(agentId, found);
  }

  private inspectContainer(agentId: string): Promise<Docker.ContainerInspectInfo | undefined> {
    return unlessMissing(this.container(agentId).inspect());
  }

  private container(agentId: string): Docker.Container {
    return this.docker.getContainer(agentObject(agentId));
  }

  private exclusively<T>(agentId: string, task: () => Promise<T>): Promise<T> {
    return this.locks.run(agentId, () => {
      checkAgentId(agentId);
      return engine(task());
    });
  }
}

/** An instance that `ensure` is asked for. */
interface Making {
  readonly spec: ContainerSpec;
  readonly hash: string;
  readonly mark: string | undefined;
  readonly signal: AbortSignal;
}

const addressOf = ({ NetworkSettings }: Docker.ContainerInspectInfo): string | undefined =>
  Object.values(NetworkSettings.Networks)[0]?.IPAMConfig?.IPv4Address;

/** Answers of the relay itself, which never reached the agent. */
const isRelayRefusal = (status: number): boolean => [401, 404, 502, 504].includes(status);

async function engine<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    throw toDomainError(error);
  }
}
