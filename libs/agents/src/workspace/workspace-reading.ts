import type { WorkspaceEntry } from '#libs/containers';
import { DomainError, newId } from '#libs/kernel';
import type { Spool, Spooled } from './spool.js';
import {
  MOST_FILES,
  prefixOf,
  type StoredFile,
  type StoredWorkspace,
  type WorkspaceChange,
} from './stored-workspace.js';

const UPLOADS_AT_ONCE = 4;
/** How many paths an event names. */
const MOST_NAMED = 10;

export interface ReadingLimitsOf {
  readonly maxFileBytes: number;
  readonly maxBytes: number;
}

/** Stores one content under a key. */
export type UploadContent = (key: string, content: Spooled) => Promise<void>;

/** One walk through an agent's files: what changed is uploaded on the way, and the rest compared by its hash. */
export class WorkspaceReading {
  private readonly before: ReadonlyMap<string, StoredFile>;
  private readonly seen = new Set<string>();
  private readonly uploaded: StoredFile[] = [];
  private readonly leftOut: string[] = [];
  private readonly uploads = new Set<Promise<void>>();
  private failure: Error | undefined;
  private bytes = 0;

  constructor(
    private readonly workspace: StoredWorkspace,
    before: readonly StoredFile[],
    private readonly limits: ReadingLimitsOf,
    private readonly spool: Spool,
    private readonly upload: UploadContent,
  ) {
    this.before = new Map(before.map((file) => [file.path, file]));
  }

  /** @throws DomainError `payload_too_large` beyond the limits of an agent, and whatever reading or uploading throws. */
  async run(entries: AsyncIterable<WorkspaceEntry>): Promise<WorkspaceChange> {
    try {
      for await (const entry of entries) {
        await this.take(entry);
        if (this.failure !== undefined) break;
      }
    } finally {
      await Promise.all(this.uploads);
    }
    if (this.failure !== undefined) throw this.failure;
    const gone = [...this.before.keys()].filter((path) => !this.seen.has(path));
    const leftOut = this.leftOut.slice(0, MOST_NAMED);
    return { uploaded: this.uploaded, gone, leftOut, files: this.seen.size, bytes: this.bytes };
  }

  private async take(entry: WorkspaceEntry): Promise<void> {
    const { path, executable } = entry;
    if (this.seen.has(path)) return;
    const { maxFileBytes } = this.limits;
    const readable = entry.sizeBytes > maxFileBytes ? null : entry.content;
    const content = readable ? await this.spool.take(readable, maxFileBytes) : undefined;
    const former = this.before.get(path);
    if (!content) return this.leave(path, former);
    this.count(path, content.sizeBytes);
    if (former?.sha256 === content.sha256 && former.executable === executable) return content.drop();
    const key = `${prefixOf(this.workspace)}${newId()}`;
    const { sha256, sizeBytes } = content;
    this.uploaded.push({ path, key, sha256, sizeBytes, executable });
    await this.send(key, content);
  }

  /** A file that is too large, or can't be read just now, is not stored; what was stored of it before stays. */
  private leave(path: string, former: StoredFile | undefined): void {
    this.leftOut.push(path);
    if (former) this.count(path, former.sizeBytes);
  }

  private count(path: string, sizeBytes: number): void {
    this.seen.add(path);
    this.bytes += sizeBytes;
    if (this.seen.size > MOST_FILES) throw tooLarge(`it holds more than ${MOST_FILES} files`);
    if (this.bytes > this.limits.maxBytes) {
      throw tooLarge(`it holds more than ${Math.floor(this.limits.maxBytes / 1024 / 1024)} MB (WORKSPACE_MAX_MB)`);
    }
  }

  private async send(key: string, content: Spooled): Promise<void> {
    while (this.uploads.size >= UPLOADS_AT_ONCE) await Promise.race(this.uploads);
    const sending = this.upload(key, content)
      .catch((error: Error) => void (this.failure ??= error))
      .finally(() => content.drop())
      .finally(() => this.uploads.delete(sending));
    this.uploads.add(sending);
  }
}

const tooLarge = (why: string): DomainError =>
  new DomainError('payload_too_large', 'workspace_too_large', `The workspace is too large to be stored: ${why}`);
