import type { ChatEvent } from './chat.js';

/** How a reply ended. */
export type ReplyEnd = Extract<ChatEvent, { kind: 'done' | 'error' }>;

/**
 * The reply of a run in this process, held in pieces while it grows. Any number of readers follow it from any offset,
 * each at its own speed: a slow one gets what has gathered in one event, so nothing is buffered for it.
 */
export class LiveReply {
  private readonly pieces: string[] = [];
  /** Offset after each piece. */
  private readonly ends: number[] = [];
  private end: ReplyEnd | undefined;
  private readonly waiting = new Set<() => void>();

  get length(): number {
    return this.ends.at(-1) ?? 0;
  }

  append(text: string): void {
    if (text === '' || this.end) return;
    this.ends.push(this.length + text.length);
    this.pieces.push(text);
    this.wake();
  }

  close(end: ReplyEnd): void {
    this.end ??= end;
    this.wake();
  }

  /** Everything after `offset`, then what comes, ended by `done` or `error`; ends without either when `signal` fires. */
  async *read(offset: number, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    let index = 0;
    while (!signal.aborted) {
      if (index < this.pieces.length) {
        const text = this.after(index, offset);
        index = this.pieces.length;
        if (text !== '') yield { kind: 'text', offset: this.length, text };
      } else if (this.end) {
        yield this.end;
        return;
      } else await this.change(signal);
    }
  }

  /** The pieces from `index` on, without what lies before `offset`. */
  private after(index: number, offset: number): string {
    let first = index;
    while (first < this.ends.length && (this.ends[first] ?? 0) <= offset) first += 1;
    return this.pieces
      .slice(first)
      .join('')
      .slice(Math.max(0, offset - (this.ends[first - 1] ?? 0)));
  }

  private wake(): void {
    for (const wake of this.waiting) wake();
    this.waiting.clear();
  }

  private change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.waiting.delete(wake);
        resolve();
      };
      this.waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
