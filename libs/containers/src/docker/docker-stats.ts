import type Docker from 'dockerode';

/** What the engine counts for a container at one moment. */
export interface ContainerUse {
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly cpuSeconds: number;
}

/** Null for a container that does not run. Page cache that could be dropped does not count as used (as `docker stats` does). */
export function useOf({ memory_stats: memory, cpu_stats: cpu }: Docker.ContainerStats): ContainerUse | null {
  const usage = memory?.usage;
  if (usage === undefined) return null;
  // version 1 of control groups says total_inactive_file, version 2 inactive_file
  const counters: Partial<Record<string, number>> = { ...memory.stats };
  const cache = counters['total_inactive_file'] ?? counters['inactive_file'] ?? 0;
  return {
    memoryBytes: Math.max(0, usage - cache),
    memoryLimitBytes: memory.limit,
    cpuSeconds: cpu.cpu_usage.total_usage / 1e9,
  };
}
