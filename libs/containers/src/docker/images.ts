import type Docker from 'dockerode';
import { DomainError } from '#libs/kernel';
import { engineMessage, toDomainError, unlessMissing } from './engine-errors.js';

/** Images of this host, pulled when they are missing; one pull of an image at a time. */
export class Images {
  private readonly pulls = new Map<string, Promise<void>>();

  constructor(private readonly docker: Docker) {}

  /** The image's id. @throws DomainError code `image_pull` when it is neither here nor to be had. */
  async ensure(reference: string, signal: AbortSignal): Promise<string> {
    const found = await this.idOf(reference);
    if (found !== undefined) return found;
    signal.throwIfAborted();
    const pull = this.pulls.get(reference) ?? this.pull(reference).finally(() => this.pulls.delete(reference));
    this.pulls.set(reference, pull);
    await pull;
    const pulled = await this.idOf(reference);
    if (pulled === undefined) throw notThere(reference, 'the registry gave another image');
    return pulled;
  }

  /**
   * What to make an instance from: the image of this id where it is here, else what the reference means.
   * @throws DomainError code `image_pull`.
   */
  async resolve(reference: string, id: string | null | undefined, signal: AbortSignal): Promise<string> {
    if (typeof id === 'string' && (await this.idOf(id)) === id)
      return (await this.idOf(reference)) === id ? reference : id;
    await this.ensure(reference, signal);
    return reference;
  }

  private async idOf(reference: string): Promise<string | undefined> {
    try {
      return (await unlessMissing<Docker.ImageInspectInfo>(this.docker.getImage(reference).inspect()))?.Id;
    } catch (error) {
      throw toDomainError(error);
    }
  }

  private async pull(reference: string): Promise<void> {
    try {
      const stream: NodeJS.ReadableStream = await this.docker.pull(reference);
      await new Promise<void>((resolve, reject) => {
        this.docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()));
      });
    } catch (error) {
      throw notThere(reference, engineMessage(error), error);
    }
  }
}

const notThere = (reference: string, why: string, cause?: unknown): DomainError =>
  new DomainError(
    'unavailable',
    'image_pull',
    `The image ${reference} is not on this host and could not be pulled: ${why}`,
    {},
    cause,
  );
