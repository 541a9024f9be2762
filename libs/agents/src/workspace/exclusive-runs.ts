interface Active {
  readonly stop: AbortController;
  readonly done: Promise<unknown>;
}

/** Runs work for a key at most once at a time; who comes later breaks off who is there and waits until they are gone. */
export class ExclusiveRuns {
  private readonly active = new Map<string, Active>();

  get keys(): string[] {
    return [...this.active.keys()];
  }

  has(key: string): boolean {
    return this.active.has(key);
  }

  /** Breaks off what runs for the key. */
  end(key: string): Promise<void> {
    return this.instead(key, new AbortController().signal, () => Promise.resolve());
  }

  async instead<T>(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (let present = this.active.get(key); present; present = this.active.get(key)) {
      present.stop.abort();
      await present.done;
    }
    const stop = new AbortController();
    const result = work(AbortSignal.any([signal, stop.signal]));
    const done = result.then(
      () => this.active.delete(key),
      () => this.active.delete(key),
    );
    this.active.set(key, { stop, done });
    return result;
  }
}
