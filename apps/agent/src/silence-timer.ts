import { GatewayError } from './gateway-error.js';

/** Aborts with the caller's signal, or when `refresh` was not called for too long while nothing was `pausedDuring`. */
export class SilenceTimer {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private readonly onAbort: () => void;
  private pauses = 0;

  constructor(
    timeoutMs: number,
    private readonly outer: AbortSignal,
  ) {
    this.onAbort = (): void => this.controller.abort(outer.reason);
    this.timer = setTimeout(() => this.expire(timeoutMs), timeoutMs);
    outer.addEventListener('abort', this.onAbort, { once: true });
    if (outer.aborted) this.onAbort();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  refresh(): void {
    this.timer.refresh();
  }

  /** It is not the provider that is silent while a tool works. */
  async pausedDuring<T>(work: () => PromiseLike<T>): Promise<T> {
    this.pauses += 1;
    try {
      return await work();
    } finally {
      this.pauses -= 1;
      this.timer.refresh();
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    this.outer.removeEventListener('abort', this.onAbort);
  }

  private expire(timeoutMs: number): void {
    if (this.pauses > 0) this.timer.refresh();
    else this.controller.abort(timeout(timeoutMs));
  }
}

const timeout = (ms: number): GatewayError =>
  new GatewayError(504, 'provider_timeout', `The AI provider was silent for ${Math.round(ms / 1000)} s.`);
