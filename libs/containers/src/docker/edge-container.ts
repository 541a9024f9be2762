import { buffer } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import type { Config } from '#libs/config';
import { DomainError } from '#libs/kernel';
import { httpProbe } from '../http-probe.js';
import { sleep } from '../waiting.js';
import type { AgentNetwork, AgentNetworks } from './agent-networks.js';
import { EDGE_SECRETS, edgePlan, type EdgePlan, secretsVolume } from './edge-options.js';
import { engineMessage, statusOf, unless, unlessMissing } from './engine-errors.js';
import type { Images } from './images.js';
import { EDGE_ALIAS, edgeNetworkName, LABELS } from './naming.js';

const WAIT_MS = 60_000;
const LOOK_EVERY_MS = 250;
const WATCH_EVERY_MS = 2_000;
/** The longest pause between two tries to mend an edge. */
const MEND_PAUSE_MS = 30_000;
/** One try: an image that is gone is pulled again. */
const MEND_TIMEOUT_MS = 60_000;

/** The host's edge container: made here when EDGE_IMAGE says so, else somebody else's that is waited for. */
export class EdgeContainer {
  /** The container that was last joined to every agent network. */
  private joined: string | undefined;
  private watching: AbortController | undefined;

  constructor(
    private readonly docker: Docker,
    private readonly config: Config,
    private readonly networks: AgentNetworks,
    private readonly images: Images,
    private readonly report: (error: unknown) => void,
  ) {}

  /**
   * Makes sure that an edge runs and is a member of every agent network, and keeps it so until `close`: one of ours that
   * was removed or stopped is made or started again.
   * @throws DomainError code `edge_missing`, or `config` when the name belongs to a container that is not ours.
   */
  async prepare(signal: AbortSignal): Promise<void> {
    if (this.config.edge.image !== undefined) await this.run(this.config.edge.image, signal);
    await this.running(signal);
    await this.joinAll();
    if (this.watching !== undefined) return;
    this.watching = new AbortController();
    void this.watch(this.watching.signal);
  }

  close(): void {
    this.watching?.abort();
    this.watching = undefined;
  }

  /** Never fails: an engine that is away is asked again, an edge that can't be mended after a growing pause. */
  private async watch(signal: AbortSignal): Promise<void> {
    let pauseMs = WATCH_EVERY_MS;
    while (await sleep(pauseMs, signal, { ref: false })) {
      try {
        await this.mend(AbortSignal.any([signal, AbortSignal.timeout(MEND_TIMEOUT_MS)]));
        await this.joinAll();
        pauseMs = WATCH_EVERY_MS;
      } catch (error) {
        if (pauseMs === WATCH_EVERY_MS) this.report(error);
        pauseMs = Math.min(pauseMs * 2, MEND_PAUSE_MS);
      }
    }
  }

  private async mend(signal: AbortSignal): Promise<void> {
    const { image } = this.config.edge;
    if (image === undefined || (await this.inspect())?.State.Running === true) return;
    await this.run(image, signal);
  }

  /** Makes the edge a member of the agent's network; nothing to do when it is one already. */
  async join(network: AgentNetwork): Promise<void> {
    const id = (await this.inspect())?.Id;
    if (id === undefined) throw missingEdge(this.config.edge.container);
    const EndpointConfig = { Aliases: [EDGE_ALIAS], IPAMConfig: { IPv4Address: network.subnet.edge } };
    try {
      await this.docker.getNetwork(network.id).connect({ Container: id, EndpointConfig });
    } catch (error) {
      const isMember = statusOf(error) === 403 || /already exists|already connected/i.test(engineMessage(error));
      if (!isMember) throw error;
    }
  }

  /** A replaced edge is in no agent network: joins it to all of them, once. */
  private async joinAll(): Promise<void> {
    const id = (await this.inspect())?.Id;
    if (id === undefined || id === this.joined) return;
    for (const network of await this.networks.list()) {
      // the network may be removed this moment
      await unlessMissing(this.join(network));
    }
    this.joined = id;
  }

  private async run(image: string, signal: AbortSignal): Promise<void> {
    const plan = edgePlan(this.config, image, await this.images.ensure(image, signal));
    const found = await this.inspect();
    if (found !== undefined && found.Config.Labels[LABELS.host] !== this.config.host.id) {
      throw new DomainError(
        'conflict',
        'config',
        `The container ${this.config.edge.container} belongs to another Rookery host: set EDGE_CONTAINER to another name`,
      );
    }
    if (found?.Config.Labels[LABELS.specHash] !== plan.hash) await this.replace(plan);
    const container = this.docker.getContainer(this.config.edge.container);
    // again for one that was made and not started: its maker may have been killed before they were in it
    if (!(await container.inspect()).State.Running) {
      await container.putArchive(await secretsArchive(plan), { path: EDGE_SECRETS });
    }
    await unless([304], container.start());
  }

  private async replace(plan: EdgePlan): Promise<void> {
    await unlessMissing(this.docker.getContainer(this.config.edge.container).remove({ force: true }));
    const Labels = { [LABELS.host]: this.config.host.id, [LABELS.edge]: 'true' };
    const Name = edgeNetworkName(this.config.host.id);
    const networks = await this.docker.listNetworks({ filters: { name: [Name] } });
    if (!networks.some((network) => network.Name === Name))
      await this.docker.createNetwork({ Name, Driver: 'bridge', Labels });
    await this.docker.createVolume({ Name: secretsVolume(this.config), Labels });
    await this.docker.createContainer(plan.options);
  }

  /** Waits until the edge runs and, when it is ours, until its relay answers. */
  private async running(signal: AbortSignal): Promise<void> {
    const until = Date.now() + WAIT_MS;
    while (!(await this.answers(signal))) {
      signal.throwIfAborted();
      if (Date.now() > until) throw missingEdge(this.config.edge.container);
      await sleep(LOOK_EVERY_MS, signal);
    }
  }

  private async answers(signal: AbortSignal): Promise<boolean> {
    if ((await this.inspect())?.State.Running !== true) return false;
    return (await httpProbe(`${this.config.edge.url}/healthz`, {}, signal)) !== null;
  }

  private inspect(): Promise<Docker.ContainerInspectInfo | undefined> {
    return unlessMissing(this.docker.getContainer(this.config.edge.container).inspect());
  }
}

function secretsArchive({ secrets, uid }: EdgePlan): Promise<Buffer> {
  const archive = pack();
  for (const [name, value] of Object.entries(secrets)) archive.entry({ name, uid, gid: uid, mode: 0o400 }, value);
  archive.finalize();
  return buffer(archive);
}

const missingEdge = (name: string): DomainError =>
  new DomainError(
    'unavailable',
    'edge_missing',
    `The edge container ${name} does not run or its relay does not answer`,
  );
