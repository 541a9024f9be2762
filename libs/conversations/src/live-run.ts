import type { Scope } from '#libs/kernel';
import type { ChatEvent } from './chat.js';
import { CANCELLED } from './conversations.errors.js';
import { LiveReply } from './live-reply.js';

/** Why a run of this process was stopped before its end. */
export interface RunStop {
  readonly status: 'cancelled' | 'interrupted';
  readonly code: string;
  readonly message: string;
}

/** A run whose answer this process is receiving. */
export class LiveRun {
  readonly reply = new LiveReply();
  private readonly controller = new AbortController();

  constructor(
    readonly scope: Scope,
    readonly agentId: string,
    readonly runId: string,
    private readonly onDisconnect: 'cancel' | 'continue',
  ) {}

  /** Fires when the run has to stop; its reason is a {@link RunStop}. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get stopped(): RunStop | undefined {
    return this.signal.aborted ? (this.signal.reason as RunStop) : undefined;
  }

  stop(stop: RunStop): void {
    this.controller.abort(stop);
  }

  /** The reply for the client that sent the message: its leaving stops the run, unless it was to go on. */
  events(signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const left = (): void => {
      if (this.onDisconnect === 'cancel') this.stop({ status: 'cancelled', ...CANCELLED });
    };
    if (signal.aborted) left();
    else signal.addEventListener('abort', left, { once: true });
    return this.readToEnd(signal, left);
  }

  private async *readToEnd(signal: AbortSignal, left: () => void): AsyncGenerator<ChatEvent> {
    let ended = false;
    try {
      for await (const event of this.reply.read(0, signal)) {
        ended = event.kind !== 'text';
        yield event;
      }
    } finally {
      signal.removeEventListener('abort', left);
      if (!ended) left();
    }
  }
}
