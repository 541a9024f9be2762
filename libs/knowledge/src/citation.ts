import type { Chunk } from './knowledge.js';

const RANGES = [
  ['row', 'firstRow', 'lastRow'],
  ['item', 'firstItem', 'lastItem'],
] as const;
const LONGEST = 200;

/** How an agent cites a chunk: `[help.pdf, page 3]`, `[prices.csv, rows 2–14]`, `[install.md, Linux > Start]`. */
export function citationOf({ source, metadata }: Pick<Chunk, 'source' | 'metadata'>): string {
  const place = placeIn(metadata);
  return place === undefined ? `[${source}]` : `[${source}, ${place}]`;
}

function placeIn(metadata: Chunk['metadata']): string | undefined {
  const { page, heading } = metadata;
  if (isCount(page)) return `page ${page}`;
  for (const [noun, first, last] of RANGES) {
    const [from, to] = [metadata[first], metadata[last]];
    if (isCount(from) && isCount(to)) return from === to ? `${noun} ${from}` : `${noun}s ${from}–${to}`;
  }
  return typeof heading === 'string' && heading !== '' ? heading.slice(0, LONGEST) : undefined;
}

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value > 0;
