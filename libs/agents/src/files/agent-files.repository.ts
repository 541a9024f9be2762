import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';
import type { AgentFile, FileVersion, RuleFile } from './agent-file.js';
import { type FilePath, MOST_RULE_VERSIONS, MOST_VERSIONS, fileHash, ruleName } from './file-rules.js';

/** A file that does not exist has the digest of an empty one, so that a writer can expect that too. */
const NO_HASH = fileHash('');

const FILE = 'f.path, f.content, f.sha256, f.version, f.updated_at AS "updatedAt"';

const FORMER = `
  former AS (SELECT * FROM agent_files WHERE org_id = $1 AND agent_id = $2 AND path = $3)`;

const KEEP = `
  INSERT INTO agent_file_versions (agent_id, path, version, org_id, content, sha256, updated_at, updated_by)
  SELECT agent_id, path, version, org_id, content, sha256, updated_at, updated_by FROM former`;

/** Checks the digest, keeps the former content and writes the new one; no row: the digest was another. */
const WRITE = `
  WITH ${FORMER},
  allowed AS (SELECT 1 WHERE $7::text IS NULL OR $7 = coalesce((SELECT sha256 FROM former), '${NO_HASH}')),
  kept AS (${KEEP} WHERE sha256 <> $5 AND EXISTS (SELECT 1 FROM allowed))
  INSERT INTO agent_files AS f (org_id, agent_id, path, content, sha256, updated_by, version)
  SELECT $1, $2, $3, $4, $5, $6, 1 + coalesce(
    (SELECT max(version) FROM agent_file_versions WHERE agent_id = $2 AND path = $3), 0) FROM allowed
  ON CONFLICT (agent_id, path) DO UPDATE SET content = excluded.content, sha256 = excluded.sha256,
    updated_by = CASE WHEN f.sha256 = excluded.sha256 THEN f.updated_by ELSE excluded.updated_by END,
    updated_at = CASE WHEN f.sha256 = excluded.sha256 THEN f.updated_at ELSE clock_timestamp() END,
    version = CASE WHEN f.sha256 = excluded.sha256 THEN f.version ELSE f.version + 1 END
  RETURNING ${FILE}`;

const REMOVE = `
  WITH ${FORMER}, kept AS (${KEEP})
  DELETE FROM agent_files f USING former WHERE f.agent_id = former.agent_id AND f.path = former.path RETURNING f.path`;

const PRUNE = `
  DELETE FROM agent_file_versions v USING (
    SELECT path, version, row_number() OVER (PARTITION BY path ORDER BY version DESC) AS nth,
           row_number() OVER (PARTITION BY path LIKE 'rules/%' ORDER BY replaced_at DESC, version DESC) AS nth_of_kind
      FROM agent_file_versions WHERE org_id = $1 AND agent_id = $2
  ) old WHERE v.agent_id = $2 AND v.path = old.path AND v.version = old.version
    AND (old.nth > ${MOST_VERSIONS} OR (old.path LIKE 'rules/%' AND old.nth_of_kind > ${MOST_RULE_VERSIONS}))`;

const VERSION_COLUMNS = `
  version, sha256, octet_length(content) AS "sizeBytes", updated_at AS "updatedAt", updated_by AS "updatedBy"`;

/** Rows of `agent_files` and `agent_file_versions`. Writers hold the lock on the agent's row. */
@Injectable()
export class AgentFilesRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Those of the paths that exist. */
  async find(
    scope: Scope,
    agentId: string,
    paths: readonly FilePath[],
    on: Sql = this.database,
  ): Promise<Map<string, AgentFile>> {
    const rows = await on.query<AgentFile>(
      `SELECT ${FILE} FROM agent_files f WHERE org_id = $1 AND agent_id = $2 AND path = ANY($3)`,
      [scope.orgId, agentId, paths],
    );
    return new Map(rows.map((file) => [file.path, file]));
  }

  /** By name, in the order of its bytes. */
  async rules(scope: Scope, agentId: string, on: Sql = this.database): Promise<RuleFile[]> {
    const rows = await on.query<{ path: string; size: number }>(
      `SELECT path, octet_length(content) AS size FROM agent_files
        WHERE org_id = $1 AND agent_id = $2 AND path LIKE 'rules/%.md' ORDER BY path COLLATE "C"`,
      [scope.orgId, agentId],
    );
    return rows.map(({ path, size }) => ({ name: ruleName(path), sizeBytes: size }));
  }

  /** Undefined, and nothing written, when the content is not the one with `expectedHash`. */
  async write(
    tx: Tx,
    scope: Scope,
    agentId: string,
    file: { readonly path: FilePath; readonly content: string; readonly writer: string },
    expectedHash?: string,
  ): Promise<AgentFile | undefined> {
    const hash = fileHash(file.content);
    const values = [scope.orgId, agentId, file.path, file.content, hash, file.writer, expectedHash ?? null];
    const [written] = await tx.query<AgentFile>(WRITE, values);
    if (written) await tx.query(PRUNE, [scope.orgId, agentId]);
    return written;
  }

  /** False when there is no such file. */
  async remove(tx: Tx, scope: Scope, agentId: string, path: FilePath): Promise<boolean> {
    const removed = await tx.query(REMOVE, [scope.orgId, agentId, path]);
    if (removed.length > 0) await tx.query(PRUNE, [scope.orgId, agentId]);
    return removed.length > 0;
  }

  /** Newest first, the present one among them. */
  versions(scope: Scope, agentId: string, path: FilePath): Promise<FileVersion[]> {
    return this.database.query<FileVersion>(
      `SELECT ${VERSION_COLUMNS}, true AS "isCurrent" FROM agent_files
        WHERE org_id = $1 AND agent_id = $2 AND path = $3
        UNION ALL
       SELECT ${VERSION_COLUMNS}, false FROM agent_file_versions WHERE org_id = $1 AND agent_id = $2 AND path = $3
        ORDER BY version DESC`,
      [scope.orgId, agentId, path],
    );
  }

  /** What a file says or said; undefined when that is not kept. */
  async version(
    scope: Scope,
    agentId: string,
    path: FilePath,
    version: number,
    on: Sql = this.database,
  ): Promise<AgentFile | undefined> {
    const place = 'org_id = $1 AND agent_id = $2 AND path = $3 AND version = $4';
    const [file] = await on.query<AgentFile>(
      `SELECT ${FILE} FROM agent_files f WHERE ${place} UNION ALL SELECT ${FILE} FROM agent_file_versions f WHERE ${place}`,
      [scope.orgId, agentId, path, version],
    );
    return file;
  }
}
