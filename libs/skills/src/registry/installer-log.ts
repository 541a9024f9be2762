const FLUSH_EVERY_MS = 300;

/** Gathers lines and hands them on in batches, one after the other. What `write` throws is thrown at the end. */
export class InstallerLog {
  private waiting: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly write: (lines: readonly string[]) => Promise<void>) {}

  add(line: string): void {
    // Postgres holds no NUL
    this.waiting.push(line.replaceAll('\0', '\uFFFD'));
    this.timer ??= setTimeout(() => this.flush(), FLUSH_EVERY_MS);
  }

  /** Writes what is left. */
  async end(): Promise<void> {
    this.flush();
    await this.writing;
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const lines = this.waiting;
    this.waiting = [];
    if (lines.length === 0) return;
    this.writing = this.writing.then(() => this.write(lines));
    // it is thrown by end(), not to nobody
    this.writing.catch(() => undefined);
  }
}
