interface Entry {
  next: (() => Promise<void>) | undefined;
  readonly done: Promise<void>;
}

/**
 * Runs work for a key at most once at a time in this process. A call while the key is busy has its work done right
 * afterwards (only the newest such call's), and resolves with it.
 */
export class SerialRunner {
  private readonly active = new Map<string, Entry>();

  get busy(): string[] {
    return [...this.active.keys()];
  }

  isBusy(key: string): boolean {
    return this.active.has(key);
  }

  run(key: string, work: () => Promise<void>): Promise<void> {
    const present = this.active.get(key);
    if (present) {
      present.next = work;
      return present.done;
    }
    const entry: Entry = { next: undefined, done: Promise.resolve().then(() => this.drain(key, entry, work)) };
    this.active.set(key, entry);
    return entry.done;
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.active.size > 0) await Promise.allSettled([...this.active.values()].map((entry) => entry.done));
  }

  private async drain(key: string, entry: Entry, first: () => Promise<void>): Promise<void> {
    try {
      await first();
      for (let work = entry.next; work; work = entry.next) {
        entry.next = undefined;
        await work();
      }
    } finally {
      this.active.delete(key);
    }
  }
}
