import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import type { Page, PageRequest, Scope } from '#libs/kernel';
import type { Base } from '../bases.repository.js';
import type { CheckedFile } from './file-input.js';
import type { KnowledgeFile } from './knowledge-file.js';

type FileRow = Omit<KnowledgeFile, 'error'> & {
  readonly baseId: string;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
};

const FILE = `f.id, f.base_id AS "baseId", b.swarm_id AS "swarmId", b.agent_id AS "agentId", f.name, f.format,
  f.size_bytes AS "sizeBytes", f.status, f.chunks_total AS "chunksTotal", f.chunks_done AS "chunksDone", f.stored,
  f.error_code AS "errorCode", f.error_message AS "errorMessage", f.created_at AS "createdAt",
  f.started_at AS "startedAt", f.finished_at AS "finishedAt"`;

/** Without those of agents that are deleted, whose bases go soon. */
const FROM = `FROM knowledge_files f JOIN knowledge_bases b ON b.id = f.base_id LEFT JOIN agents a ON a.id = b.agent_id
  WHERE f.org_id = $1 AND a.desired_state IS DISTINCT FROM 'deleted'`;

/** Rows of `knowledge_files`, as people see them. Their loading writes `FileLoads`. */
@Injectable()
export class FilesRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async insert(tx: Tx, base: Base, file: CheckedFile & { id: string; createdBy: string }): Promise<void> {
    await tx.query(
      `INSERT INTO knowledge_files (id, org_id, base_id, name, format, charset, chunk_size, metadata, size_bytes, content,
                                    created_by)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        ...[file.id, base.orgId, base.id, file.name, file.format, file.charset, file.chunkSize],
        ...[JSON.stringify(file.metadata), file.content.length, Buffer.from(file.content), file.createdBy],
      ],
    );
  }

  /** Files of the base, and those of the organisation that are not loaded yet. */
  async counts(tx: Tx, base: Base): Promise<{ files: number; waiting: number }> {
    const [row] = await tx.query<{ files: number; waiting: number }>(
      `SELECT (SELECT count(*)::int FROM knowledge_files WHERE org_id = $1 AND base_id = $2) AS files,
              (SELECT count(*)::int FROM knowledge_files
                WHERE org_id = $1 AND status IN ('queued', 'loading')) AS waiting`,
      [base.orgId, base.id],
    );
    return row!;
  }

  async find(
    scope: Scope,
    id: string,
    on: Sql = this.database,
  ): Promise<(KnowledgeFile & { baseId: string }) | undefined> {
    const [row] = await on.query<FileRow>(`SELECT ${FILE} ${FROM} AND f.id = $2`, [scope.orgId, id]);
    return row && fileOf(row);
  }

  /** Newest first. */
  async list(base: Base, { limit, offset }: PageRequest): Promise<Page<KnowledgeFile>> {
    const [rows, [count]] = await Promise.all([
      this.database.query<FileRow>(
        `SELECT ${FILE} ${FROM} AND f.base_id = $2 ORDER BY f.created_at DESC, f.id LIMIT $3 OFFSET $4`,
        [base.orgId, base.id, limit, offset],
      ),
      this.database.query<{ total: number }>(
        'SELECT count(*)::int AS total FROM knowledge_files WHERE org_id = $1 AND base_id = $2',
        [base.orgId, base.id],
      ),
    ]);
    return { items: rows.map(fileOf), total: count?.total ?? 0 };
  }

  /** Their chunks must be gone. A load that is under way finds no row any more and ends. */
  async remove(tx: Tx, base: Base, which: { id?: string | undefined; name?: string | undefined }): Promise<number> {
    const rows = await tx.query(
      `DELETE FROM knowledge_files WHERE org_id = $1 AND base_id = $2 AND ($3::uuid IS NULL OR id = $3)
          AND ($4::text IS NULL OR name = $4) RETURNING 1`,
      [base.orgId, base.id, which.id ?? null, which.name ?? null],
    );
    return rows.length;
  }

  /** Loads that failed before. @returns how many of at most `limit`. */
  async dropFailed(before: Date, limit: number): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM knowledge_files WHERE id = ANY (ARRAY (
         SELECT id FROM knowledge_files WHERE status = 'failed' AND finished_at < $1 LIMIT $2)) RETURNING 1`,
      [before, limit],
    );
    return rows.length;
  }
}

function fileOf({ errorCode, errorMessage, ...row }: FileRow): KnowledgeFile & { baseId: string } {
  return { ...row, error: errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' } };
}
