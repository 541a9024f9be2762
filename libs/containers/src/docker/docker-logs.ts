import type Docker from 'dockerode';
import type { ContainerLogLine, LogOptions } from '../container-runtime.js';
import { lineTime } from '../log-lines.js';
import { sleep } from '../waiting.js';
import { statusOf } from './engine-errors.js';

const HEADER_BYTES = 8;
const RETRY_MS = 500;
/** A position is the engine's time in microseconds times this, plus the line's place among those of its microsecond. */
const PLACES = 4;

interface Reading {
  after: number | undefined;
  tail: number | undefined;
}

/**
 * Lines of an agent's container, by name: following goes on over restarts and replacements of the container.
 * Positions come from the engine's own stamps, so every worker sees the same ones.
 */
export async function* readLogs(container: Docker.Container, options: LogOptions): AsyncIterable<ContainerLogLine> {
  const reading: Reading = { after: options.after, tail: options.after === undefined ? options.tail : undefined };
  const from = options.tail === undefined ? 0 : Date.now() * 1000 * PLACES;
  while (!options.signal.aborted) {
    for await (const line of oneReading(container, reading, options)) {
      reading.after = line.position;
      yield line;
    }
    if (options.follow !== true) return;
    reading.after ??= from;
    reading.tail = undefined;
    await sleep(RETRY_MS, options.signal);
  }
}

async function* oneReading(
  container: Docker.Container,
  { after, tail }: Reading,
  { follow, signal }: LogOptions,
): AsyncIterable<ContainerLogLine> {
  const query = {
    stdout: true,
    stderr: true,
    timestamps: true,
    abortSignal: signal,
    ...(after === undefined ? {} : { since: sinceOf(after) }),
    ...(tail === undefined ? {} : { tail }),
  };
  try {
    const chunks =
      follow === true
        ? ((await container.logs({ ...query, follow: true })) as AsyncIterable<Buffer>)
        : [await container.logs({ ...query, follow: false })];
    yield* linesOf(framesOf(chunks), after ?? -1);
  } catch (error) {
    // no container (yet), or one that is just being removed; a fired signal ends the stream as an error
    if (!signal.aborted && ![404, 409].includes(statusOf(error) ?? 0) && !isCut(error)) throw error;
  }
}

const isCut = (error: unknown): boolean =>
  ['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'].includes((error as { code?: string }).code ?? '');

/** Seconds with a fraction, as the engine wants them; lines of that very microsecond come again and are skipped by place. */
function sinceOf(position: number): string {
  const micros = Math.floor(position / PLACES);
  return `${Math.floor(micros / 1e6)}.${String(micros % 1e6).padStart(6, '0')}000`;
}

async function* linesOf(frames: AsyncIterable<string>, after: number): AsyncIterable<ContainerLogLine> {
  let lastMicros = 0;
  let place = 0;
  for await (const frame of frames) {
    const space = frame.indexOf(' ');
    const stamp = frame.slice(0, space);
    const micros = microsOf(stamp);
    if (space < 0 || Number.isNaN(micros)) continue;
    place = micros === lastMicros ? Math.min(place + 1, PLACES - 1) : 0;
    lastMicros = micros;
    const position = micros * PLACES + place;
    if (position <= after) continue;
    const text = frame.slice(space + 1).replace(/\r?\n$/, '');
    yield { at: lineTime(text) ?? new Date(Math.floor(micros / 1000)), text, position };
  }
}

function microsOf(stamp: string): number {
  const [, seconds = '', fraction = ''] = /^(.*T\d\d:\d\d:\d\d)(?:\.(\d+))?Z$/.exec(stamp) ?? [];
  return Date.parse(`${seconds}Z`) * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

/** Takes the engine's multiplexed stream apart: one frame is one line of either output. */
async function* framesOf(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncIterable<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + rest.readUInt32BE(4);
      if (rest.length < end) break;
      yield rest.toString('utf8', HEADER_BYTES, end);
      rest = rest.subarray(end);
    }
  }
}
