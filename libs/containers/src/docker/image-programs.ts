import type Docker from 'dockerode';
import { IMAGE_PATH } from './agent-container.js';
import { toDomainError, unlessMissing } from './engine-errors.js';
import type { Images } from './images.js';
import { LABELS, lookName } from './naming.js';

/** Which programs an image has on its PATH; looked up once for each image and list. */
export class ImagePrograms {
  private known: { readonly key: string; readonly found: Readonly<Record<string, string>> } | undefined;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly docker: Docker,
    private readonly images: Images,
    private readonly hostId: string,
  ) {}

  /** Path by name. @throws DomainError code `image_pull` */
  async of(image: string, names: readonly string[], signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const key = JSON.stringify([await this.images.ensure(image, signal), names]);
    const turn = this.turn.then(() => this.found(key, image, names, signal));
    this.turn = turn.catch(() => undefined);
    return turn;
  }

  private async found(
    key: string,
    image: string,
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>>> {
    if (this.known?.key === key) return this.known.found;
    try {
      const found = await this.look(image, names, signal);
      this.known = { key, found };
      return found;
    } catch (error) {
      throw signal.aborted ? (signal.reason as Error) : toDomainError(error);
    }
  }

  /** Through a container that is never started. One that a killed worker left has its name and goes first. */
  private async look(image: string, names: readonly string[], signal: AbortSignal): Promise<Record<string, string>> {
    const name = lookName(this.hostId);
    await unlessMissing(this.docker.getContainer(name).remove({ force: true }));
    const container = await this.docker.createContainer({
      name,
      Image: image,
      Labels: { [LABELS.host]: this.hostId },
      HostConfig: { NetworkMode: 'none' },
    });
    try {
      const found: Record<string, string> = {};
      for (const program of names) {
        signal.throwIfAborted();
        const path = await pathIn(container, program);
        if (path !== undefined) found[program] = path;
      }
      return found;
    } finally {
      await unlessMissing(container.remove({ force: true }));
    }
  }
}

async function pathIn(container: Docker.Container, name: string): Promise<string | undefined> {
  const paths = IMAGE_PATH.split(':').map((folder) => `${folder}/${name}`);
  const found = await Promise.all(paths.map((path) => unlessMissing(container.infoArchive({ path }))));
  return paths.find((_, index) => found[index] !== undefined);
}
