import type { Caller } from '#libs/kernel';

interface Entry {
  readonly caller: Caller | undefined;
  readonly expiresAtMs: number;
  readonly tags: readonly string[];
}

/** What a lookup found, with the names whose change makes it stale. */
export interface Lookup {
  readonly caller: Caller | undefined;
  readonly tags: readonly string[];
}

/**
 * Callers by credential for at most `ttlMs`. Concurrent lookups of one credential share one. A lookup that was under
 * way when something was dropped is not kept: it may have read the state from before.
 */
export class CallerCache {
  private readonly entries = new Map<string, Entry>();
  private readonly byTag = new Map<string, Set<string>>();
  private readonly loading = new Map<string, Promise<Caller | undefined>>();
  private drops = 0;

  constructor(
    private readonly ttlMs = 5_000,
    private readonly capacity = 10_000,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  async get(key: string, load: () => Promise<Lookup>): Promise<Caller | undefined> {
    const entry = this.entries.get(key);
    if (entry && entry.expiresAtMs > this.nowMs()) return entry.caller;
    const running = this.loading.get(key);
    if (running) return running;
    const fresh = this.load(key, load);
    this.loading.set(key, fresh);
    try {
      return await fresh;
    } finally {
      if (this.loading.get(key) === fresh) this.loading.delete(key);
    }
  }

  /** Forgets every caller that depends on `tag`. */
  drop(tag: string): void {
    this.drops += 1;
    // Whoever asks from now on must not share a lookup that began before.
    this.loading.clear();
    for (const key of [...(this.byTag.get(tag) ?? [])]) this.remove(key);
  }

  /** Forgets everything: notices may have been missed. */
  clear(): void {
    this.drops += 1;
    this.loading.clear();
    this.entries.clear();
    this.byTag.clear();
  }

  private async load(key: string, load: () => Promise<Lookup>): Promise<Caller | undefined> {
    const before = this.drops;
    const expiresAtMs = this.nowMs() + this.ttlMs;
    const { caller, tags } = await load();
    if (before === this.drops) this.keep(key, { caller, expiresAtMs, tags });
    return caller;
  }

  private keep(key: string, entry: Entry): void {
    this.remove(key);
    const oldest = this.entries.size >= this.capacity ? this.entries.keys().next().value : undefined;
    if (oldest !== undefined) this.remove(oldest);
    this.entries.set(key, entry);
    for (const tag of entry.tags) {
      const keys = this.byTag.get(tag) ?? new Set<string>();
      this.byTag.set(tag, keys.add(key));
    }
  }

  private remove(key: string): void {
    const entry = this.entries.get(key);
    this.entries.delete(key);
    for (const tag of entry?.tags ?? []) {
      const keys = this.byTag.get(tag);
      keys?.delete(key);
      if (keys?.size === 0) this.byTag.delete(tag);
    }
  }
}
