/** Longest line kept whole; the rest of a longer one comes as further lines. */
export const MAX_LINE_BYTES = 16 * 1024;

/** A line without its end, and how many bytes of the stream it took with it. */
export interface SplitLine {
  readonly text: string;
  readonly bytes: number;
}

/** Cuts a byte stream into lines with bounded memory. */
export class LineSplitter {
  private rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): SplitLine[] {
    const data = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const lines: SplitLine[] = [];
    let from = 0;
    for (;;) {
      const end = data.indexOf(10, from);
      const length = end < 0 ? data.length - from : end - from;
      if (length > MAX_LINE_BYTES) {
        lines.push(cut(data, from, MAX_LINE_BYTES, MAX_LINE_BYTES));
        from += MAX_LINE_BYTES;
      } else if (end < 0) {
        break;
      } else {
        lines.push(cut(data, from, length, length + 1));
        from = end + 1;
      }
    }
    this.rest = data.subarray(from);
    return lines;
  }

  /** What came after the last line end, as a line of its own. */
  flush(): SplitLine | undefined {
    const { rest } = this;
    this.rest = Buffer.alloc(0);
    return rest.length === 0 ? undefined : cut(rest, 0, rest.length, rest.length);
  }
}

const cut = (data: Buffer, from: number, length: number, bytes: number): SplitLine => ({
  text: data.toString('utf8', from, from + length).replace(/\r$/, ''),
  bytes,
});

const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) /;

/** The time an agent wrote at the head of its line, if it did. */
export function lineTime(text: string): Date | undefined {
  const stamp = STAMP.exec(text)?.[1];
  const at = stamp === undefined ? Number.NaN : Date.parse(stamp);
  return Number.isNaN(at) ? undefined : new Date(at);
}
