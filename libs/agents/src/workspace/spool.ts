import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';

/** Smaller contents are held in memory. */
const MOST_HELD_BYTES = 1024 * 1024;

/** A content that was read once and can be read again. */
export interface Spooled {
  readonly sha256: string;
  readonly sizeBytes: number;
  open(): Readable;
  drop(): Promise<void>;
}

/** Keeps contents for a moment, so that what is stored already need not be sent. */
export class Spool {
  private prepared: Promise<void> | undefined;

  constructor(private readonly folder: string) {}

  /** @returns undefined when the content is longer than `mostBytes`. */
  async take(content: AsyncIterable<Buffer>, mostBytes: number): Promise<Spooled | undefined> {
    const hash = createHash('sha256');
    const held: Buffer[] = [];
    let sizeBytes = 0;
    let file: SpoolFile | undefined;
    try {
      for await (const chunk of content) {
        sizeBytes += chunk.length;
        if (sizeBytes > mostBytes) {
          await file?.drop();
          return undefined;
        }
        hash.update(chunk);
        if (!file && sizeBytes > MOST_HELD_BYTES) file = await this.file();
        if (file) for (const part of [...held.splice(0), chunk]) await file.write(part);
        else held.push(chunk);
      }
    } catch (error) {
      await file?.drop();
      throw error;
    }
    await file?.end();
    const sha256 = hash.digest('hex');
    const open = (): Readable => file?.open() ?? Readable.from([Buffer.concat(held)], { objectMode: false });
    return { sha256, sizeBytes, open, drop: async () => file?.drop() };
  }

  private async file(): Promise<SpoolFile> {
    this.prepared ??= prepare(this.folder);
    await this.prepared;
    return SpoolFile.make(join(this.folder, randomUUID()));
  }
}

/** What a killed worker left goes with the first use. */
async function prepare(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

class SpoolFile {
  private constructor(
    private readonly path: string,
    private readonly handle: Awaited<ReturnType<typeof open>>,
  ) {}

  static async make(path: string): Promise<SpoolFile> {
    return new SpoolFile(path, await open(path, 'wx', 0o600));
  }

  async write(part: Buffer): Promise<void> {
    await this.handle.writeFile(part);
  }

  async end(): Promise<void> {
    await this.handle.close();
  }

  open(): Readable {
    return createReadStream(this.path);
  }

  async drop(): Promise<void> {
    await this.handle.close().catch(() => undefined);
    await rm(this.path, { force: true });
  }
}
