import type { SearchChunks } from './knowledge.js';

export type ChunkFilter = Pick<SearchChunks, 'source' | 'type' | 'metadata'>;

/** What a filter asks of the row `c`; its values are the parameters from `first` on. */
export const condition = (first: number): string => `
  ($${first}::text IS NULL OR c.source = $${first}) AND ($${first + 1}::text IS NULL OR c.type = $${first + 1})
  AND ($${first + 2}::jsonb IS NULL OR c.metadata @> $${first + 2})`;

export const filterValues = ({ source, type, metadata }: ChunkFilter): unknown[] => [
  source ?? null,
  type ?? null,
  metadata === undefined ? null : JSON.stringify(metadata),
];
