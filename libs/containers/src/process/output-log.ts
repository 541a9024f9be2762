import {
  closeSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ContainerLogLine, LogOptions } from '../container-runtime.js';
import { LineSplitter, lineTime } from '../log-lines.js';
import { sleep } from '../waiting.js';

const LIMIT_BYTES = 4 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const POLL_MS = 200;

/** Where the two files lie in the whole output: `current` begins at `base`, `former` reaches from `formerStart` to `base`. */
interface Marks {
  readonly base: number;
  readonly formerStart: number;
  /** Size of `current` at which a truncation was under way; null when none is. */
  readonly truncating: number | null;
}

/**
 * An agent's output: a file the process appends to by itself (so it goes on without a worker), kept below twice
 * `limitBytes` by moving it aside. Positions count bytes since the very first line and never fall back.
 */
export class OutputLog {
  private readonly current: string;
  private readonly former: string;
  private readonly marksFile: string;

  constructor(
    folder: string,
    private readonly limitBytes = LIMIT_BYTES,
  ) {
    this.current = join(folder, 'current.log');
    this.former = join(folder, 'former.log');
    this.marksFile = join(folder, 'marks.json');
  }

  /** A descriptor for the process to write to; the caller closes its own copy. */
  openForAppend(): number {
    return openSync(this.current, 'a', 0o600);
  }

  /** Moves output beyond the limit aside. What is written in the microseconds between copy and truncation is lost. */
  rotate(): void {
    if (sizeOf(this.current) <= this.limitBytes) return;
    const { base } = this.marks();
    const size = this.copyAside();
    const formerStart = base + Math.max(0, size - this.limitBytes);
    this.save({ base: base + size, formerStart, truncating: size });
    truncateSync(this.current, 0);
    this.save({ base: base + size, formerStart, truncating: null });
  }

  async *read(options: LogOptions): AsyncIterable<ContainerLogLine> {
    let splitter = new LineSplitter();
    let position = options.after ?? this.tailStart(options.tail);
    let lineEnd = position;
    while (!options.signal.aborted) {
      const chunk = this.chunkAt(position);
      if (chunk.at !== position) {
        splitter = new LineSplitter();
        lineEnd = chunk.at;
      }
      position = chunk.at + chunk.data.length;
      for (const { text, bytes } of splitter.push(chunk.data)) {
        lineEnd += bytes;
        yield { at: lineTime(text) ?? new Date(), text, position: lineEnd };
      }
      if (chunk.data.length > 0) continue;
      if (options.follow !== true) break;
      await sleep(POLL_MS, options.signal);
    }
    const last = options.follow === true ? undefined : splitter.flush();
    if (last !== undefined)
      yield { at: lineTime(last.text) ?? new Date(), text: last.text, position: lineEnd + last.bytes };
  }

  /** The next bytes at a position, or at the oldest one kept when that is gone. */
  private chunkAt(wanted: number): { at: number; data: Buffer } {
    const { base, formerStart } = this.marks();
    const end = base + sizeOf(this.current);
    const at = wanted < formerStart || wanted > end ? formerStart : wanted;
    if (at >= base) return { at, data: bytesOf(this.current, at - base, CHUNK_BYTES) };
    const data = bytesOf(this.former, at - formerStart, Math.min(CHUNK_BYTES, base - at));
    return data.length > 0 ? { at, data } : { at: base, data: bytesOf(this.current, 0, CHUNK_BYTES) };
  }

  /** Where the newest `lines` lines begin. */
  private tailStart(lines: number | undefined): number {
    const { base, formerStart } = this.marks();
    if (lines === undefined) return formerStart;
    let at = base + sizeOf(this.current);
    const parts: Buffer[] = [];
    for (let ends = 0; at > formerStart && ends <= lines;) {
      const from = Math.max(at > base ? base : formerStart, at - CHUNK_BYTES);
      const data =
        from >= base
          ? bytesOf(this.current, from - base, at - from)
          : bytesOf(this.former, from - formerStart, at - from);
      ends += countLineEnds(data);
      parts.unshift(data);
      at = from;
    }
    return at + startOfLast(Buffer.concat(parts), lines);
  }

  private copyAside(): number {
    const size = sizeOf(this.current);
    const draft = `${this.former}.draft`;
    writeFileSync(draft, bytesOf(this.current, Math.max(0, size - this.limitBytes), this.limitBytes), { mode: 0o600 });
    renameSync(draft, this.former);
    return size;
  }

  private marks(): Marks {
    const marks = this.savedMarks();
    if (marks.truncating === null) return marks;
    if (sizeOf(this.current) >= marks.truncating) truncateSync(this.current, 0);
    this.save({ ...marks, truncating: null });
    return { ...marks, truncating: null };
  }

  private savedMarks(): Marks {
    try {
      return JSON.parse(readFileSync(this.marksFile, 'utf8')) as Marks;
    } catch {
      return { base: 0, formerStart: 0, truncating: null };
    }
  }

  private save(marks: Marks): void {
    writeFileSync(`${this.marksFile}.draft`, JSON.stringify(marks), { mode: 0o600 });
    renameSync(`${this.marksFile}.draft`, this.marksFile);
  }
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

function bytesOf(file: string, from: number, most: number): Buffer {
  const buffer = Buffer.alloc(Math.max(0, Math.min(most, sizeOf(file) - from)));
  if (buffer.length === 0) return buffer;
  const fd = openSync(file, 'r');
  try {
    return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, from));
  } finally {
    closeSync(fd);
  }
}

const countLineEnds = (data: Buffer): number => data.reduce((sum, byte) => (byte === 10 ? sum + 1 : sum), 0);

/** Index at which the last `lines` lines of `data` begin; a last line without an end counts. */
function startOfLast(data: Buffer, lines: number): number {
  if (lines <= 0) return data.length;
  let end = data.length - (data.at(-1) === 10 ? 1 : 0);
  for (let left = lines; left > 0; left--) {
    end = end <= 0 ? -1 : data.lastIndexOf(10, end - 1);
    if (end < 0) return 0;
  }
  return end + 1;
}
