import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError } from '#libs/kernel';

/** Reads whole request bodies, each and all together up to a limit. */
export class BodyReader {
  private heldBytes = 0;

  constructor(
    private readonly mostBytes: number,
    private readonly mostHeldBytes: number,
  ) {}

  /**
   * Undefined when the client left. The room is free again when the exchange is over.
   * @throws DomainError `payload_too_large`, `unavailable` when too much is being held.
   */
  read(req: IncomingMessage, res: ServerResponse): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      if (res.destroyed) return resolve(undefined);
      const parts: Buffer[] = [];
      let size = 0;
      const refuse = (error: DomainError): void => {
        req.removeAllListeners('data').resume();
        if (!res.headersSent) res.setHeader('connection', 'close');
        reject(error);
      };
      res.once('close', () => (this.heldBytes -= size));
      req.on('data', (bytes: Buffer) => {
        size += bytes.length;
        this.heldBytes += bytes.length;
        if (size > this.mostBytes) refuse(tooLarge(this.mostBytes));
        else if (this.heldBytes > this.mostHeldBytes) refuse(busy());
        else parts.push(bytes);
      });
      req.once('end', () => resolve(Buffer.concat(parts)));
      req.once('close', () => resolve(undefined));
      req.on('error', () => undefined);
    });
  }
}

export const tooLarge = (mostBytes: number): DomainError =>
  new DomainError(
    'payload_too_large',
    'payload_too_large',
    `The request is larger than ${Math.floor(mostBytes / 1_048_576)} MiB`,
  );

const busy = (): DomainError =>
  new DomainError('unavailable', 'broker_busy', 'The broker holds as many requests as it can; try again shortly');
