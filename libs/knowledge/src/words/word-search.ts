import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Database } from '#libs/database';
import type { Base } from '../bases.repository.js';
import { type ChunkFilter, condition, filterValues } from '../chunk-filter.js';
import { RANKED, type Shares, wordQuery } from './word-query.js';

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

const SEARCH = `
  SELECT seq FROM (
    SELECT c.seq, c.words FROM knowledge_chunks c
     WHERE c.org_id = $1 AND c.base_id = $2 AND c.words @@ $3::tsquery AND ${condition(5)}
     ORDER BY c.seq LIMIT $9) found
   ORDER BY ts_rank_cd(words, $4::tsquery, 1) DESC, seq LIMIT $8`;

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
    const found = new Set<number>();
    for (const step of steps) {
      if (found.size >= limit) break;
      const values = [base.orgId, base.id, within(base, step), ranking, ...filterValues(filter), limit, ranked];
      const rows = await this.database.query<{ seq: number }>(SEARCH, values);
      for (const { seq } of rows) found.add(seq);
    }
    return [...found].slice(0, limit);
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
