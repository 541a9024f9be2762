/** A host as it was read last. */
export interface HostBeat {
  readonly id: string;
  /** Changes with each beat; compared only. */
  readonly beat: string;
}

/** Who looks less often than this may have missed beats, or been cut off itself: watching begins anew. */
const LONGEST_GAP_MS = 10_000;

/**
 * Finds dead hosts by watching them: one whose beat did not change for `deadAfterMs` of unbroken watching, in which
 * another's did. Measured with the watcher's own clock, so no clock has to agree with another, and an outage of
 * Postgres, or of the watcher, gives every host its whole time again.
 */
export class HostSilence {
  private readonly seen = new Map<string, { beat: string; changedMs: number }>();
  private lastLookMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly deadAfterMs: number) {}

  /**
   * @param nowMs - of a clock that only goes forward.
   * @returns ids of those that are dead.
   */
  look(hosts: readonly HostBeat[], nowMs: number): string[] {
    if (nowMs - this.lastLookMs > LONGEST_GAP_MS) this.seen.clear();
    this.lastLookMs = nowMs;
    const present = new Set(hosts.map(({ id }) => id));
    for (const id of this.seen.keys()) if (!present.has(id)) this.seen.delete(id);
    for (const { id, beat } of hosts) {
      if (this.seen.get(id)?.beat !== beat) this.seen.set(id, { beat, changedMs: nowMs });
    }
    const newestMs = Math.max(...[...this.seen.values()].map(({ changedMs }) => changedMs));
    return [...this.seen]
      .filter(([, { changedMs }]) => nowMs - changedMs >= this.deadAfterMs && newestMs > changedMs)
      .map(([id]) => id);
  }

  /** A look has failed: watching begins anew. */
  forget(): void {
    this.seen.clear();
  }
}
