import { Readable } from 'node:stream';
import { Header, HttpCode, StreamableFile, applyDecorators } from '@nestjs/common';

const PING_EVERY_MS = 15_000;
const PING = ': ping\n\n';

/** Marks a handler whose answer is {@link sse}. */
export const EventStream = (): MethodDecorator =>
  applyDecorators(
    HttpCode(200),
    Header('content-type', 'text/event-stream; charset=utf-8'),
    Header('cache-control', 'no-store, no-transform'),
    Header('x-accel-buffering', 'no'),
  );

/**
 * A stream of server-sent events from ready-made frames (each ends in a blank line), with a `: ping` comment after
 * every 15 s of silence. It pulls only as fast as the client reads. When the client leaves, `frames` is returned
 * (its `finally` runs) and `onClose` is called once; `onClose` is also called after the last frame.
 */
export function sse(
  frames: AsyncIterable<string>,
  options: { readonly pingEveryMs?: number; readonly onClose?: () => void } = {},
): StreamableFile {
  const stream = new EventReadable(frames[Symbol.asyncIterator](), options.pingEveryMs ?? PING_EVERY_MS);
  if (options.onClose) stream.once('close', options.onClose);
  return new StreamableFile(stream, { type: 'text/event-stream; charset=utf-8' });
}

class EventReadable extends Readable {
  private readonly timer: NodeJS.Timeout;
  private asking = false;
  private done = false;

  constructor(
    private readonly frames: AsyncIterator<string>,
    pingEveryMs: number,
  ) {
    super({ encoding: 'utf8', highWaterMark: 16 * 1024 });
    this.timer = setInterval(() => this.ping(), pingEveryMs);
    this.timer.unref();
    // The headers leave at once: a client knows that it is connected before the first event.
    this.push(PING);
  }

  override _read(): void {
    if (this.asking) return;
    this.asking = true;
    this.frames.next().then(
      (next) => {
        this.asking = false;
        this.timer.refresh();
        this.done = next.done ?? false;
        if (!this.destroyed) this.push(next.done ? null : next.value);
      },
      (error: unknown) => this.destroy(error as Error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearInterval(this.timer);
    Promise.resolve(this.frames.return?.()).catch(() => undefined);
    done(error);
  }

  private ping(): void {
    if (!this.destroyed && !this.done && this.readableLength === 0) this.push(PING);
  }
}
