import type { LogFields, Logger } from './logger.js';

const MOST_MESSAGES = 100;

/** Lets one line per message and interval through and tells how many it swallowed, for loops that fail in a tight loop. */
export class RateLimitedLogger {
  private readonly last = new Map<string, { at: number; swallowed: number }>();

  constructor(
    private readonly logger: Logger,
    private readonly intervalMs = 10_000,
    private readonly now: () => number = Date.now,
  ) {}

  warn(message: string, fields?: LogFields): void {
    const seen = this.last.get(message);
    if (seen && this.now() - seen.at < this.intervalMs) {
      seen.swallowed += 1;
      return;
    }
    if (this.last.size >= MOST_MESSAGES) this.last.clear();
    this.last.set(message, { at: this.now(), swallowed: 0 });
    this.logger.warn(message, seen?.swallowed ? { ...fields, repeated: seen.swallowed } : fields);
  }
}
