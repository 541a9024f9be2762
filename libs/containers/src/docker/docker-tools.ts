import type Docker from 'dockerode';
import type { Config } from '#libs/config';
import { DomainError } from '#libs/kernel';
import {
  type AgentTools,
  TOOL_METHODS,
  type ToolBuild,
  type ToolMethod,
  type ToolRequest,
  toolsDigest,
} from '../agent-tools.js';
import { KeyedMutex } from '../keyed-mutex.js';
import type { AgentNetworks } from './agent-networks.js';
import { readLogs } from './docker-logs.js';
import type { EdgeContainer } from './edge-container.js';
import { toDomainError, unlessMissing } from './engine-errors.js';
import type { Images } from './images.js';
import { toolsContainer } from './tools-container.js';
import { ToolsVolumes } from './tools-volumes.js';

/** Lines of an installer that are kept, and how much of each. */
const MOST_LINES = 100;
const LONGEST_LINE = 500;
/** Of them in the message of a failure. */
const TOLD_LINES = 10;

/** What an engine's tools are made with. */
export interface ToolsWorkshop {
  readonly docker: Docker;
  readonly config: Config;
  readonly networks: AgentNetworks;
  readonly edge: EdgeContainer;
  readonly images: Images;
}

/** Installs into volumes, each in a container and a network of its own, whose other member is the host's edge. */
export class DockerTools implements AgentTools {
  readonly methods: readonly ToolMethod[];
  readonly volumes: ToolsVolumes;
  private readonly builds = new KeyedMutex();

  constructor(private readonly at: ToolsWorkshop) {
    const { docker, config } = at;
    this.methods = TOOL_METHODS.filter((method) => config.tools.registries[method] !== undefined);
    this.volumes = new ToolsVolumes(docker, config.host.id, config.tools.image);
  }

  async build(request: ToolRequest, { signal, log }: ToolBuild): Promise<string> {
    const digest = toolsDigest(request);
    const missing = TOOL_METHODS.find((method) => request[method].length > 0 && !this.methods.includes(method));
    if (missing !== undefined) throw unavailable(missing);
    return this.builds.run(digest, async () => {
      signal.throwIfAborted();
      try {
        await this.at.images.ensure(this.at.config.tools.image, signal);
        if (await this.volumes.isWhole(digest)) log('These tools are on this host already');
        else await this.make(digest, request, { signal, log });
      } catch (error) {
        throw signal.aborted ? (signal.reason as Error) : toDomainError(error);
      }
      return digest;
    });
  }

  async present(digests: readonly string[]): Promise<string[]> {
    const found = await Promise.all(digests.map((digest) => this.volumes.isWhole(digest).catch(toThrow)));
    return digests.filter((_, index) => found[index] === true);
  }

  /**
   * Looked at once a container has them mounted, because from then on nobody removes them; the container goes when some are missing.
   * @throws DomainError code `tools_missing`.
   */
  async mustHave(digests: readonly string[], container: Docker.Container): Promise<void> {
    if ((await this.present(digests)).length === digests.length) return;
    await unlessMissing(container.remove({ force: true, v: true }));
    throw new DomainError('unavailable', 'tools_missing', 'Tools that the agent needs are not on its host yet');
  }

  async sweep(used: ReadonlySet<string>, signal: AbortSignal): Promise<number> {
    let removed = 0;
    for (const digest of await this.volumes.old()) {
      if (signal.aborted) break;
      await this.builds.run(digest, async () => {
        if (used.has(digest) && (await this.volumes.isWhole(digest))) return;
        await this.clean(digest);
        if (await this.volumes.remove(digest)) removed += 1;
      });
    }
    return removed;
  }

  /** Whatever ends it, nothing unfinished stays; what a killed worker left is cleared by the next build of the same. */
  private async make(digest: string, request: ToolRequest, { signal, log }: ToolBuild): Promise<void> {
    await this.clean(digest);
    await this.volumes.remove(digest);
    const patience = AbortSignal.timeout(this.at.config.tools.timeoutMs);
    const lines = new LastLines(log);
    try {
      await this.volumes.make(digest);
      const code = await this.install(digest, request, lines, AbortSignal.any([signal, patience]));
      if (code !== 0 || !(await this.volumes.isWhole(digest))) throw failed(lines, code);
    } catch (error) {
      await this.clean(digest);
      await this.volumes.remove(digest);
      throw patience.aborted && !signal.aborted ? failed(lines, 'timeout') : error;
    }
    await this.clean(digest);
  }

  private async install(digest: string, request: ToolRequest, lines: LastLines, signal: AbortSignal): Promise<number> {
    const { docker, config, networks, edge } = this.at;
    const network = await networks.ensure(networkOf(digest));
    await edge.join(network);
    const [name, volume] = [this.containerOf(digest), this.volumes.nameOf(digest)];
    const { token, ...options } = toolsContainer({ digest, request, config, name, volume, network });
    const container = await docker.createContainer({ ...options, abortSignal: signal });
    await container.start({ abortSignal: signal });
    const ended = new AbortController();
    const reading = lines.read(container, token, AbortSignal.any([signal, ended.signal]));
    const { StatusCode } = (await container.wait({ abortSignal: signal })) as { StatusCode: number };
    ended.abort();
    await reading;
    await lines.rest(container, token, signal);
    return StatusCode;
  }

  /** Container and network of a build, not its volume. */
  private async clean(digest: string): Promise<void> {
    await unlessMissing(this.at.docker.getContainer(this.containerOf(digest)).remove({ force: true, v: false }));
    await this.at.networks.remove(networkOf(digest));
  }

  private containerOf(digest: string): string {
    return `${this.volumes.nameOf(digest)}-build`;
  }
}

const networkOf = (digest: string): string => `tools-${digest}`;

/** The newest lines of an installer, each told as it comes; the proxy's password is blanked. */
class LastLines {
  readonly lines: string[] = [];
  private position: number | undefined;

  constructor(private readonly log: (line: string) => void) {}

  async read(container: Docker.Container, token: string, signal: AbortSignal, follow = true): Promise<void> {
    const from = this.position === undefined ? {} : { after: this.position };
    try {
      for await (const line of readLogs(container, { ...from, follow, signal })) {
        this.position = line.position;
        this.add(line.text.replaceAll(token, '…').slice(0, LONGEST_LINE));
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** What came between the last line read and the end. */
  rest(container: Docker.Container, token: string, signal: AbortSignal): Promise<void> {
    return this.read(container, token, signal, false);
  }

  private add(line: string): void {
    this.lines.push(line);
    if (this.lines.length > MOST_LINES) this.lines.shift();
    this.log(line);
  }
}

function failed({ lines }: LastLines, why: number | 'timeout'): DomainError {
  const reason = why === 'timeout' ? 'they took too long' : 'the installer failed';
  const told = lines.filter((line) => line.trim() !== '').slice(-TOLD_LINES);
  return new DomainError(
    'unprocessable',
    'tools_failed',
    [`The tools were not installed: ${reason}`, ...told].join('\n'),
  );
}

const unavailable = (method: ToolMethod): DomainError =>
  new DomainError('unprocessable', 'tools_unavailable', `This host has no registry for ${method}`);

function toThrow(error: unknown): never {
  throw toDomainError(error);
}
