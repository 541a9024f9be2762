import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Database } from '#libs/database';
import type { Base } from '../bases.repository.js';
import { type ChunkFilter, condition, filterValues } from '../chunk-filter.js';
import { RANKED, type Shares, type WordStep, wordQuery } from './word-query.js';

/** Chunks that say how common the words of a base are. */
const SAMPLE = 500;
/** Its multiples lie evenly between whole numbers and fall in step with nothing. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;
/** Counted anew when the base has grown by so much, or after this time. */
const GROWTH = 1.2;
const KEPT_MS = 10 * 60_000;
const KEPT_BASES = 500;

const SHARES = `
  WITH seen AS MATERIALIZED (SELECT words FROM knowledge_chunks WHERE org_id = $1 AND base_id = $2 AND seq = ANY ($3::int[]))
  SELECT w.lexeme, count(*)::float8 / (SELECT count(*) FROM seen) AS share
    FROM seen CROSS JOIN LATERAL unnest(seen.words) w GROUP BY w.lexeme HAVING count(*) > 1`;

/** Walks through the base. */
const WALK = 'ORDER BY c.seq LIMIT $8';
/** By the index of words: a planner that knew how few are wanted would walk, and meet none for long. */
const GATHER = 'LIMIT (SELECT $8::int)';
/** The parameter that holds the query of the first step; those of the others follow. */
const FIRST = 9;

/** One step: of what no step before found, the best of some. */
function stepSql({ isCommon }: WordStep, index: number): string {
  const before = Array.from({ length: index }, (_v, n) => `AND NOT c.words @@ $${FIRST + n}::tsquery`).join(' ');
  return `
  (SELECT ${index} AS step, seq, ts_rank_cd(words, $3::tsquery, 1) AS score FROM (
    SELECT c.seq, c.words FROM knowledge_chunks c
     WHERE c.org_id = $1 AND c.base_id = $2 AND c.words @@ $${FIRST + index}::tsquery ${before} AND ${condition(4)}
     ${isCommon ? WALK : GATHER}) found
   ORDER BY score DESC, seq LIMIT $7)`;
}

/** All steps in one round trip: one branch after the other runs, and none once enough is found. */
const searchSql = (steps: readonly WordStep[]): string =>
  `SELECT * FROM (${steps.map(stepSql).join(' UNION ALL')}) steps LIMIT $7`;

interface Found {
  readonly step: number;
  readonly seq: number;
  readonly score: number;
}

/** Finds chunks by their words. */
@Injectable()
export class WordSearch {
  private readonly shares = new LRUCache<string, { readonly head: number; readonly shares: Promise<Shares> }>({
    max: KEPT_BASES,
    ttl: KEPT_MS,
  });

  constructor(@Inject(Database) private readonly database: Database) {}

  /** Numbers of chunks, best first: those with all of the words, then those with the rarest. */
  async search(base: Base, text: string, filter: ChunkFilter, limit: number): Promise<number[]> {
    const [words, shares] = await Promise.all([this.wordsOf(text), this.sharesIn(base)]);
    const ranked = Math.max(RANKED, limit);
    const { steps, ranking } = wordQuery(words, shares, base.chunkCount, ranked);
    if (steps.length === 0) return [];
    const values = [base.orgId, base.id, ranking, ...filterValues(filter), limit, ranked];
    const queries = steps.map(({ query }) => within(base, query));
    const rows = await this.database.query<Found>(searchSql(steps), [...values, ...queries]);
    return rows.sort((a, b) => a.step - b.step || b.score - a.score || a.seq - b.seq).map(({ seq }) => seq);
  }

  private async wordsOf(text: string): Promise<readonly string[]> {
    const [row] = await this.database.query<{ words: string[] }>(
      `SELECT tsvector_to_array(to_tsvector('english', $1)) AS words`,
      [text],
    );
    return row?.words ?? [];
  }

  /** All of a small base can be ranked, whatever its words. */
  private sharesIn(base: Base): Promise<Shares> {
    if (base.chunkCount <= RANKED) return Promise.resolve(new Map());
    const kept = this.shares.get(base.id);
    if (kept && base.head <= kept.head * GROWTH) return kept.shares;
    const shares = this.counted(base);
    this.shares.set(base.id, { head: base.head, shares });
    shares.catch(() => this.shares.delete(base.id));
    return shares;
  }

  private async counted(base: Base): Promise<Shares> {
    const places = Array.from({ length: SAMPLE }, (_v, n) => 1 + Math.floor(((n * GOLDEN) % 1) * base.head));
    const rows = await this.database.query<{ lexeme: string; share: number }>(SHARES, [base.orgId, base.id, places]);
    return new Map(rows.map(({ lexeme, share }) => [lexeme, share]));
  }
}

/** Every chunk holds its base as a word, so that the index gives those of one base and looks at no others. */
const within = ({ id }: Base, words: string): string => `'in:${id}' & (${words})`;
