import { EgressError } from './egress.errors.js';

/** Aborts when the caller does, or when the time is over. */
export class Deadline {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout | undefined;
  private readonly onAbort: () => void;

  /** @param timeoutMs 0: no limit */
  constructor(
    private readonly outer: AbortSignal,
    timeoutMs: number,
  ) {
    this.onAbort = (): void => this.controller.abort(outer.reason);
    if (timeoutMs > 0) this.timer = setTimeout(() => this.controller.abort(tookTooLong(timeoutMs)), timeoutMs);
    outer.addEventListener('abort', this.onAbort, { once: true });
    if (outer.aborted) this.onAbort();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** True once the caller has aborted. */
  get leaving(): boolean {
    return this.outer.aborted;
  }

  /** What really ended the exchange. */
  reasonOf(error: unknown): unknown {
    return this.signal.aborted ? this.signal.reason : error;
  }

  end(): void {
    clearTimeout(this.timer);
    this.outer.removeEventListener('abort', this.onAbort);
  }
}

const tookTooLong = (ms: number): EgressError =>
  new EgressError('egress_timeout', `The exchange took longer than ${Math.round(ms / 1000)} s`);
