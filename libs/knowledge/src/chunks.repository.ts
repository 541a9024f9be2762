import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import { newId } from '#libs/kernel';
import type { Base } from './bases.repository.js';
import type { CheckedChunk } from './knowledge-input.js';
import { type ChunkFilter, condition, filterValues } from './chunk-filter.js';
import type { Chunk, DeleteChunks } from './knowledge.js';

const CHUNK = `c.id, c.text, c.source, c.type, c.metadata, c.created_at AS "createdAt", c.updated_at AS "updatedAt"`;

/** More chunks than this a filter does not name: the index is then asked for more and what does not fit is left out. */
const MOST_FILTERED = 50_000;

export const textHash = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Rows of `knowledge_chunks`. */
@Injectable()
export class ChunksRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Which of these texts the base holds, word for word. */
  async known(tx: Sql, base: Base, texts: readonly string[]): Promise<boolean[]> {
    const hashes = texts.map(textHash);
    const rows = await tx.query<{ hash: string }>(
      `SELECT encode(text_hash, 'hex') AS hash FROM knowledge_chunks
        WHERE org_id = $1 AND base_id = $2 AND text_hash = ANY ($3::bytea[])`,
      [base.orgId, base.id, hashes],
    );
    const known = new Set(rows.map(({ hash }) => hash));
    return hashes.map((hash) => known.has(hash.toString('hex')));
  }

  /** The caller holds the lock on the base. @returns the numbers given, in the order of the chunks. */
  async insert(tx: Tx, base: Base, chunks: readonly CheckedChunk[]): Promise<number[]> {
    const seqs = chunks.map((_chunk, index) => base.head + 1 + index);
    await tx.query(
      `INSERT INTO knowledge_chunks (base_id, org_id, seq, id, source, type, text, text_hash, metadata, file_id)
       SELECT $1, $2, * FROM unnest($3::int[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::jsonb[],
                                    $10::uuid[])`,
      [
        ...[base.id, base.orgId, seqs, chunks.map(() => newId()), chunks.map(({ source }) => source)],
        ...[chunks.map(({ type }) => type), chunks.map(({ text }) => text), chunks.map(({ text }) => textHash(text))],
        chunks.map(({ metadata }) => JSON.stringify(metadata)),
        chunks.map(({ fileId }) => fileId ?? null),
      ],
    );
    await tx.query(
      'UPDATE knowledge_bases SET head = head + $3, chunk_count = chunk_count + $3 WHERE org_id = $1 AND id = $2',
      [base.orgId, base.id, chunks.length],
    );
    return seqs;
  }

  /** In the order in which they came. Numbers are given under the base's lock, so none appears behind a reader. */
  list(
    base: Base,
    { source, limit, after }: { source?: string | undefined; limit: number; after: number },
  ): Promise<(Chunk & { seq: number })[]> {
    return this.database.query(
      `SELECT c.seq, ${CHUNK} FROM knowledge_chunks c
        WHERE c.org_id = $1 AND c.base_id = $2 AND c.seq > $3 AND ($4::text IS NULL OR c.source = $4)
        ORDER BY c.seq LIMIT $5`,
      [base.orgId, base.id, after, source ?? null, limit],
    );
  }

  /** Under the lock on the base. @returns how many. */
  async remove(tx: Tx, base: Base, { source, id, fileId }: DeleteChunks & { fileId?: string }): Promise<number> {
    const [row] = await tx.query<{ count: number }>(
      `WITH gone AS (DELETE FROM knowledge_chunks WHERE org_id = $1 AND base_id = $2
                       AND ($3::text IS NULL OR source = $3) AND ($4::uuid IS NULL OR id = $4)
                       AND ($5::uuid IS NULL OR file_id = $5) RETURNING 1),
            counted AS (SELECT count(*)::int AS count FROM gone),
            told AS (UPDATE knowledge_bases SET chunk_count = chunk_count - counted.count,
                       deletions = deletions + counted.count FROM counted WHERE org_id = $1 AND id = $2 RETURNING 1)
       SELECT count FROM counted`,
      [base.orgId, base.id, source ?? null, id ?? null, fileId ?? null],
    );
    return row?.count ?? 0;
  }

  /** The numbers of the chunks a filter lets through; undefined without one, or when they are too many to name. */
  async filtered(base: Base, filter: ChunkFilter): Promise<number[] | undefined> {
    if (filter.source === undefined && filter.type === undefined && filter.metadata === undefined) return undefined;
    const rows = await this.database.query<{ seq: number }>(
      `SELECT c.seq FROM knowledge_chunks c WHERE ${FILTER} LIMIT ${MOST_FILTERED + 1}`,
      [base.orgId, base.id, ...filterValues(filter)],
    );
    return rows.length > MOST_FILTERED ? undefined : rows.map(({ seq }) => seq);
  }

  /** Those of the numbers that are there and pass the filter. */
  async bySeq(base: Base, seqs: readonly number[], filter: ChunkFilter): Promise<Map<number, Chunk>> {
    const rows = await this.database.query<Chunk & { seq: number }>(
      `SELECT c.seq, ${CHUNK} FROM knowledge_chunks c WHERE ${FILTER} AND c.seq = ANY ($6)`,
      [base.orgId, base.id, ...filterValues(filter), seqs],
    );
    return new Map(rows.map(({ seq, ...chunk }) => [seq, chunk]));
  }
}

const FILTER = `c.org_id = $1 AND c.base_id = $2 AND ${condition(3)}`;
