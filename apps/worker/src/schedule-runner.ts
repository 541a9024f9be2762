import { Logger, RateLimitedLogger } from '#libs/observability';
import type { Schedule } from './schedule.js';

/** Runs each schedule at once and then every `everyMs`, never twice at a time. A failure is logged and tried again. */
export class ScheduleRunner {
  private readonly stopping = new AbortController();
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly running = new Map<string, Promise<void>>();
  private readonly log: RateLimitedLogger;

  constructor(
    private readonly schedules: readonly Schedule[],
    logger: Logger,
  ) {
    this.log = new RateLimitedLogger(logger.child({ component: 'schedules' }));
  }

  start(): void {
    for (const schedule of this.schedules) {
      this.tick(schedule);
      this.timers.push(setInterval(() => this.tick(schedule), schedule.everyMs));
    }
  }

  /** Starts no more, fires the signal, and waits for what runs. */
  async stop(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    this.stopping.abort();
    await Promise.allSettled(this.running.values());
  }

  private tick(schedule: Schedule): void {
    if (this.running.has(schedule.name) || this.stopping.signal.aborted) return;
    const run = Promise.resolve()
      .then(() => schedule.run(this.stopping.signal))
      .then(() => undefined)
      .catch((error: unknown) => {
        if (!this.stopping.signal.aborted) this.log.warn(`schedule ${schedule.name} failed`, { error });
      })
      .finally(() => this.running.delete(schedule.name));
    this.running.set(schedule.name, run);
  }
}
