interface Sample {
  readonly cpuSeconds: number;
  readonly atMs: number;
}

/** Turns growing CPU time into percent of one core since the last look; the first look counts from the start. */
export class CpuMeter {
  private readonly samples = new Map<string, Sample>();

  percent(key: string, cpuSeconds: number, startedAt: Date): number {
    const atMs = Date.now();
    const last = this.samples.get(key);
    this.samples.set(key, { cpuSeconds, atMs });
    const from = last !== undefined && last.cpuSeconds <= cpuSeconds && last.atMs < atMs ? last : undefined;
    const wallMs = atMs - (from?.atMs ?? startedAt.getTime());
    const usedMs = (cpuSeconds - (from?.cpuSeconds ?? 0)) * 1000;
    return wallMs <= 0 ? 0 : Math.round((usedMs / wallMs) * 10_000) / 100;
  }

  forget(key: string): void {
    this.samples.delete(key);
  }
}
