import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';
import { BasesRepository, type Owner } from '../bases.repository.js';
import { ChunksRepository } from '../chunks.repository.js';
import type { FileFormat } from './knowledge-file.js';

/** A file under a claim: who holds it may write to it as long as its epoch stands. */
export interface ClaimedFile extends Scope {
  readonly id: string;
  readonly baseId: string;
  readonly owner: Owner;
  readonly name: string;
  readonly format: FileFormat;
  readonly charset: string | null;
  readonly chunkSize: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly content: Uint8Array;
  readonly chunksTotal: number | null;
  readonly chunksDone: number;
  readonly epoch: number;
  /** This one included. */
  readonly attempts: number;
}

export interface LoadError {
  readonly code: string;
  readonly message: string;
}

/** How long a claim holds unless it is renewed. */
export const CLAIM_SECONDS = 60;

const CLAIM = `
  UPDATE knowledge_files f SET status = 'loading', epoch = f.epoch + 1, attempts = f.attempts + 1,
         claimed_until = now() + interval '${CLAIM_SECONDS} s', started_at = coalesce(f.started_at, now())
    FROM knowledge_bases b
   WHERE b.id = f.base_id AND f.id = (
     SELECT w.id FROM knowledge_files w
      WHERE w.status IN ('queued', 'loading') AND w.next_attempt_at <= now()
        AND (w.claimed_until IS NULL OR w.claimed_until < now())
      ORDER BY (SELECT count(*) FROM knowledge_files o
                 WHERE o.org_id = w.org_id AND o.status = 'loading' AND o.claimed_until >= now()), w.created_at
      LIMIT 1 FOR UPDATE OF w SKIP LOCKED)
  RETURNING f.id, f.org_id AS "orgId", f.base_id AS "baseId", b.swarm_id AS "swarmId", b.agent_id AS "agentId", f.name,
            f.format, f.charset, f.chunk_size AS "chunkSize", f.metadata, f.content, f.chunks_total AS "chunksTotal",
            f.chunks_done AS "chunksDone", f.epoch, f.attempts`;

const MINE = `org_id = $1 AND id = $2 AND epoch = $3 AND status = 'loading'`;

/** What a load writes to its row of `knowledge_files`. Each statement names the epoch of the claim. */
@Injectable()
export class FileLoads {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(BasesRepository) private readonly bases: BasesRepository,
    @Inject(ChunksRepository) private readonly chunks: ChunksRepository,
  ) {}

  /** The next one that is due: first of the organisation with the fewest loads, then the oldest. */
  async claim(): Promise<ClaimedFile | undefined> {
    const [row] = await this.database.query<Omit<ClaimedFile, 'owner'> & Owner>(CLAIM);
    if (!row) return undefined;
    const { swarmId, agentId, ...file } = row;
    return { ...file, owner: { swarmId, agentId } };
  }

  /** @returns false when the file is gone or somebody else's. */
  async renew(file: ClaimedFile): Promise<boolean> {
    return this.write(this.database, file, `claimed_until = now() + interval '${CLAIM_SECONDS} s'`);
  }

  planned(file: ClaimedFile, chunksTotal: number): Promise<boolean> {
    return this.write(this.database, file, 'chunks_total = $4', [chunksTotal]);
  }

  /** Counts a batch in the transaction that stores it. @returns false when it must not be stored. */
  advanced(tx: Tx, file: ClaimedFile, from: number, count: number, stored: number): Promise<boolean> {
    return this.write(tx, file, 'chunks_done = chunks_done + $5, stored = stored + $6', [from, count, stored], {
      where: 'chunks_done = $4',
    });
  }

  completed(file: ClaimedFile): Promise<boolean> {
    return this.write(
      this.database,
      file,
      `status = 'completed', content = NULL, claimed_until = NULL, finished_at = now(), error_code = NULL,
       error_message = NULL`,
    );
  }

  /** For another try after a while; what is stored stays, and the next try goes on from there. */
  postponed(file: ClaimedFile, error: LoadError, delaySeconds: number): Promise<boolean> {
    return this.write(
      this.database,
      file,
      `status = 'queued', claimed_until = NULL, next_attempt_at = now() + $4 * interval '1 s', error_code = $5,
       error_message = $6`,
      [delaySeconds, error.code, error.message],
    );
  }

  /** The worker ends: another one goes on at once, and this was no attempt. */
  released(file: ClaimedFile): Promise<boolean> {
    return this.write(this.database, file, `status = 'queued', claimed_until = NULL, attempts = attempts - 1`);
  }

  /** For good: nothing of it stays but the reason. */
  failed(file: ClaimedFile, error: LoadError): Promise<boolean> {
    return this.rolledBack(
      file,
      `status = 'failed', content = NULL, claimed_until = NULL, finished_at = now(), error_code = $4, error_message = $5`,
      [error.code, error.message],
    );
  }

  /** From the first chunk on: the pieces are others than those of the try before. */
  restarted(file: ClaimedFile): Promise<boolean> {
    return this.rolledBack(file, 'chunks_total = NULL');
  }

  /** The lock on the base comes first, as everywhere. */
  private rolledBack(file: ClaimedFile, set: string, values: readonly unknown[] = []): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const base = await this.bases.lockById(tx, file, file.baseId);
      if (!base || !(await this.write(tx, file, `${set}, chunks_done = 0, stored = 0`, values))) return false;
      await this.chunks.remove(tx, base, { fileId: file.id });
      return true;
    });
  }

  private async write(
    on: Pick<Tx, 'query'>,
    { orgId, id, epoch }: ClaimedFile,
    set: string,
    values: readonly unknown[] = [],
    { where = 'true' } = {},
  ): Promise<boolean> {
    const rows = await on.query(`UPDATE knowledge_files SET ${set} WHERE ${MINE} AND ${where} RETURNING 1`, [
      ...[orgId, id, epoch],
      ...values,
    ]);
    return rows.length > 0;
  }
}
