import { StringDecoder } from 'node:string_decoder';
import type { CallEnd, UsageProvider } from '#libs/usage';
import { type EventSourceParser, createParser } from 'eventsource-parser';
import { type Reported, completed, reportedIn, textBytesIn } from './answer-usage.js';
import { isObject } from './json.js';

/** As rough as the prompt's estimate, but not on the long side. */
const BYTES_A_TOKEN = 4;
const MOST_WHOLE_BYTES = 8 * 1024 * 1024;
/** Events that say again what deltas have said. */
const REPEATS = /^response\..*(done|completed|incomplete)$/;
const MOST_FRAME_CHARS = 8 * 1024 * 1024;

/** The call, as far as it is needed to settle without the provider's word. */
export interface Expected {
  readonly inputTokens: number;
  /** Most tokens that were asked for; an estimate is never more. */
  readonly outputTokens: number;
}

/** Reads along with an answer, a stream or whole, and finds out what it used. Keeps no text of a stream. */
export class AnswerReader {
  private readonly decoder = new StringDecoder('utf8');
  private readonly parser: EventSourceParser | undefined;
  private readonly whole: string[] = [];
  private bytes = 0;
  private textBytes = 0;
  private reported: Reported = {};
  private failed = false;

  constructor(
    private readonly provider: UsageProvider,
    contentType: string | undefined,
  ) {
    if (contentType?.includes('text/event-stream')) {
      this.parser = createParser({ onEvent: ({ data }) => this.frame(data), maxBufferSize: MOST_FRAME_CHARS });
    }
  }

  get isStream(): boolean {
    return this.parser !== undefined;
  }

  /** Tokens of the answer so far, counted. */
  get countedTokens(): number {
    return Math.ceil((this.parser ? this.textBytes : this.bytes) / BYTES_A_TOKEN);
  }

  feed(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.parser) this.parser.feed(this.decoder.write(chunk));
    else if (this.bytes <= MOST_WHOLE_BYTES) this.whole.push(this.decoder.write(chunk));
  }

  /** How the call is to be settled, once nothing more comes. */
  end(expected: Expected): CallEnd {
    if (this.parser) this.parser.feed('\n\n');
    else this.readWhole();
    if (this.reported.isFinal) return { how: 'reported', usage: completed(this.reported, expected) };
    if (this.failed && this.textBytes === 0) return { how: 'free' };
    const counted = Math.max(this.countedTokens, this.reported.outputTokens ?? 0);
    const outputTokens = Math.min(counted, expected.outputTokens);
    const usage = completed({ ...this.reported, outputTokens }, expected);
    return { how: 'estimated', usage };
  }

  /** A whole answer; Google's stream without `alt=sse` is one list of frames. */
  private readWhole(): void {
    try {
      const value: unknown = JSON.parse(this.whole.join(''));
      for (const frame of Array.isArray(value) ? value : [value]) this.see(frame);
    } catch {
      // Cut or garbage: its bytes are counted.
    }
  }

  private frame(data: string): void {
    if (data === '[DONE]') return;
    try {
      this.see(JSON.parse(data));
    } catch {
      this.textBytes += Buffer.byteLength(data);
    }
  }

  private see(frame: unknown): void {
    if (!isObject(frame)) return;
    this.reported = { ...this.reported, ...reportedIn(this.provider, frame) };
    if (!REPEATS.test(String(frame.type))) this.textBytes += textBytesIn(frame);
    if (frame.error !== undefined && frame.error !== null) this.failed = true;
  }
}
