/** A line on its way into the table. */
export interface ShippedLine {
  readonly agentId: string;
  /** Names the stream that `position` counts in. */
  readonly source: string;
  readonly at: Date;
  readonly text: string;
  readonly position: number;
}

const MOST_CHARACTERS = 16_384;
const LEVEL = /^\S+ \[([a-z]{1,10})\]/;
const OLDEST_MS = 24 * 3_600_000;
const NEWEST_MS = 3_600_000;

/** What one INSERT takes: parallel arrays for `unnest`. */
export interface LogColumns {
  readonly agentIds: string[];
  readonly ats: Date[];
  readonly levels: string[];
  readonly lines: string[];
  readonly positions: number[];
  readonly cursors: { readonly agentIds: string[]; readonly sources: string[]; readonly positions: number[] };
}

/** Level of a line `<ISO> [level] text`; `info` for any other. */
export const levelOf = (text: string): string => LEVEL.exec(text)?.[1] ?? 'info';

/** Postgres text holds no NUL; a line too long to be read is cut. */
const stored = (text: string): string => {
  const whole = text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text;
  return whole.length > MOST_CHARACTERS ? `${whole.slice(0, MOST_CHARACTERS)} …` : whole;
};

/** A line from long ago, or from a wrong clock, goes where a partition exists: to now. */
const storedAt = (at: Date, now: number): Date =>
  at.getTime() >= now - OLDEST_MS && at.getTime() <= now + NEWEST_MS ? at : new Date(now);

/** Turns lines into columns and the last position of each agent. */
export function toColumns(lines: readonly ShippedLine[], now: number): LogColumns {
  const last = new Map<string, ShippedLine>();
  for (const line of lines) last.set(line.agentId, line);
  return {
    agentIds: lines.map((line) => line.agentId),
    ats: lines.map((line) => storedAt(line.at, now)),
    levels: lines.map((line) => levelOf(line.text)),
    lines: lines.map((line) => stored(line.text)),
    positions: lines.map((line) => line.position),
    cursors: {
      agentIds: [...last.keys()],
      sources: [...last.values()].map((line) => line.source),
      positions: [...last.values()].map((line) => line.position),
    },
  };
}
