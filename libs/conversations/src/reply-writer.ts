import { setTimeout as sleep } from 'node:timers/promises';

/** Where a reply is stored. */
export interface ReplyStore {
  /** Adds `text` to a reply of `at` bytes; idempotent. @returns false when the run has ended. */
  append(text: string, at: number): Promise<boolean>;
}

const BATCH_MS = 1_000;
const BATCH_MAX_CHARS = 65_536;
const RETRY_MS = 500;

/**
 * Stores a growing reply in batches, each at most a second after its first character. A failing batch is repeated as it
 * was, so a lost answer of Postgres neither drops nor doubles text.
 */
export class ReplyWriter {
  private pending = '';
  private stored = 0;
  private timer: NodeJS.Timeout | undefined;
  private flushing: Promise<void> | undefined;
  private isEnded = false;

  /** @param onEnded called once when the run turns out to have been ended by somebody else */
  constructor(
    private readonly store: ReplyStore,
    private readonly onEnded: () => void,
  ) {}

  add(text: string): void {
    if (text === '' || this.isEnded) return;
    this.pending += text;
    if (this.pending.length >= BATCH_MAX_CHARS) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), BATCH_MS);
  }

  /** Stops storing. @returns what is not stored yet and how many bytes are. */
  async finish(): Promise<{ rest: string; at: number }> {
    this.halt();
    await this.flushing;
    return { rest: this.pending, at: this.stored };
  }

  private halt(): void {
    clearTimeout(this.timer);
    this.isEnded = true;
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.flushing ??= this.batch().finally(() => {
      this.flushing = undefined;
      if (this.pending !== '' && !this.isEnded) this.timer ??= setTimeout(() => this.flush(), BATCH_MS);
    });
  }

  private async batch(): Promise<void> {
    const text = this.pending;
    this.pending = '';
    for (;;) {
      try {
        if (await this.store.append(text, this.stored)) this.stored += Buffer.byteLength(text);
        else {
          this.halt();
          this.onEnded();
        }
        return;
      } catch {
        await sleep(RETRY_MS);
      }
    }
  }
}
