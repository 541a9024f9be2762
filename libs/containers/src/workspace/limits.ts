import { DomainError } from '#libs/kernel';

const MOST_ENTRIES = 100_000;
const MEGABYTE = 1024 * 1024;

/** Counts what is looked at in one reading of a workspace. */
export class ReadingLimits {
  private entries = 0;
  private bytes = 0;

  constructor(private readonly mostBytes: number) {}

  /** @throws DomainError `payload_too_large` when this one is too much. */
  count(path: string, sizeBytes: number): void {
    this.entries++;
    this.bytes += sizeBytes;
    if (this.entries > MOST_ENTRIES) throw tooLarge(`it holds more than ${MOST_ENTRIES} files`);
    if (this.bytes > this.mostBytes) {
      const most = Math.floor(this.mostBytes / MEGABYTE);
      throw tooLarge(`it holds more than ${most} MB (reached at ${JSON.stringify(path.slice(0, 200))})`);
    }
  }
}

const tooLarge = (why: string): DomainError =>
  new DomainError('payload_too_large', 'workspace_too_large', `The workspace is too large to be stored: ${why}`);
