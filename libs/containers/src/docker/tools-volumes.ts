import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { unless, unlessMissing } from './engine-errors.js';
import { AGENT_UID, LABELS, toolsFolder } from './naming.js';

const MARK = '.complete';
/** Spares what a build or a start is about to use. */
const SPARED_MS = 60 * 60 * 1_000;

/** One volume for each digest and host. What lies in it counts from the moment on at which its mark is there. */
export class ToolsVolumes {
  /** Digests whose mark was seen; a volume that has it never loses it. */
  private readonly whole = new Set<string>();
  private readonly host: string;

  constructor(
    private readonly docker: Docker,
    private readonly hostId: string,
    private readonly image: string,
  ) {
    this.host = createHash('sha256').update(hostId).digest('hex').slice(0, 8);
  }

  /** Name of the volume, and with a word behind it of what else belongs to it. */
  nameOf(digest: string): string {
    return `rookery-tools-${this.host}-${digest}`;
  }

  /** True when the tools are there to the last file. */
  async isWhole(digest: string): Promise<boolean> {
    const found = await unlessMissing(this.docker.getVolume(this.nameOf(digest)).inspect());
    // an engine makes a volume of any name that a container mounts, but not with this label
    if (found?.Labels?.[LABELS.tools] !== digest) {
      this.whole.delete(digest);
      return false;
    }
    if (!this.whole.has(digest) && (await this.hasMark(digest))) this.whole.add(digest);
    return this.whole.has(digest);
  }

  /** An empty one, belonging to the user that installs. */
  async make(digest: string): Promise<void> {
    await this.docker.createVolume({
      Name: this.nameOf(digest),
      Labels: { [LABELS.host]: this.hostId, [LABELS.tools]: digest },
    });
    await this.through(digest, false, async (container) => {
      const archive = pack();
      const [parent, name] = [dirname(toolsFolder(digest)), basename(toolsFolder(digest))];
      archive.entry({ name: `${name}/`, type: 'directory', mode: 0o755, uid: AGENT_UID, gid: AGENT_UID });
      archive.finalize();
      await container.putArchive(await buffer(archive), { path: parent });
    });
  }

  /** False while a container has it mounted. */
  async remove(digest: string): Promise<boolean> {
    this.whole.delete(digest);
    const volume = this.docker.getVolume(this.nameOf(digest));
    const refused = await unless(
      [404, 409],
      volume.remove({}).then(() => true),
    );
    return refused === true;
  }

  /** Digests of volumes that are older than an hour. */
  async old(): Promise<string[]> {
    const filters = { label: [`${LABELS.host}=${this.hostId}`, LABELS.tools] };
    const { Volumes } = await this.docker.listVolumes({ filters });
    const before = Date.now() - SPARED_MS;
    return (Volumes ?? []).flatMap((volume) => {
      const { CreatedAt } = volume as { CreatedAt?: string };
      return Date.parse(CreatedAt ?? '') < before ? (volume.Labels?.[LABELS.tools] ?? []) : [];
    });
  }

  private hasMark(digest: string): Promise<boolean> {
    return this.through(digest, true, async (container) => {
      const mark = await unlessMissing(container.getArchive({ path: `${toolsFolder(digest)}/${MARK}` }));
      mark?.on('error', () => undefined).resume();
      return mark !== undefined;
    });
  }

  /** Through a container that is never started. */
  private async through<T>(
    digest: string,
    readOnly: boolean,
    work: (container: Docker.Container) => Promise<T>,
  ): Promise<T> {
    const container = await this.docker.createContainer({
      Image: this.image,
      Labels: { [LABELS.host]: this.hostId },
      HostConfig: {
        NetworkMode: 'none',
        Mounts: [{ Type: 'volume', Source: this.nameOf(digest), Target: toolsFolder(digest), ReadOnly: readOnly }],
      },
    });
    try {
      return await work(container);
    } finally {
      await unlessMissing(container.remove({ force: true }));
    }
  }
}
