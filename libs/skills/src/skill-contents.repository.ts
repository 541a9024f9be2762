import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { SCAN_VERSION, scanSkill } from './scan/index.js';
import type { ParsedSkill, SkillFile } from './skill.js';
import { readKept } from './skill-folder.js';
import type { SkillOrigin } from './sources/skill-source.js';

const KEEP = `
  INSERT INTO skill_contents (digest, files, file_count, size_bytes, scan, scan_version, requirements, manifest)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (digest) DO UPDATE SET created_at = now(), files = coalesce(skill_contents.files, excluded.files),
     scan = excluded.scan, scan_version = excluded.scan_version, requirements = excluded.requirements,
     manifest = excluded.manifest`;

/** Sources that give a content again when it is asked for; of the others the catalogue keeps the files. */
const FETCHED = ['npm', 'archive'] as const;
const CAN_BE_FETCHED = `s.origin ->> 'kind' IN ('${FETCHED.join("','")}')`;

export const canBeFetched = ({ kind }: SkillOrigin): boolean => FETCHED.some((one) => one === kind);

/** One file of a content, without what it says. */
export interface ManifestEntry {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Rows of `skill_contents`: by digest, and the same for ever. */
@Injectable()
export class SkillContentsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Scans and keeps a content; without its files it is known, and fetched when an agent is to have it. */
  async keep(tx: Tx, skill: ParsedSkill, { withFiles }: { readonly withFiles: boolean }): Promise<void> {
    const files = withFiles ? Object.fromEntries(skill.files.map(({ path, content }) => [path, content])) : null;
    await tx.query(KEEP, [
      ...[skill.digest, files && JSON.stringify(files), skill.files.length, skill.sizeBytes],
      ...[JSON.stringify(scanSkill(skill)), SCAN_VERSION, JSON.stringify(skill.requirements)],
      JSON.stringify(manifestOf(skill.files)),
    ]);
  }

  /** Undefined when its files are not kept here. */
  async files(digest: string): Promise<SkillFile[] | undefined> {
    const [row] = await this.database.query<{ files: Readonly<Record<string, string>> | null }>(
      'SELECT files FROM skill_contents WHERE digest = $1',
      [digest],
    );
    return row?.files ? Object.entries(row.files).map(([path, content]) => ({ path, content })) : undefined;
  }

  /** What a content consists of; undefined when nobody knows any more. */
  async manifest(digest: string): Promise<readonly ManifestEntry[] | undefined> {
    const [row] = await this.database.query<{ manifest: ManifestEntry[] | null }>(
      'SELECT manifest FROM skill_contents WHERE digest = $1',
      [digest],
    );
    if (row?.manifest) return row.manifest;
    const files = await this.files(digest);
    return files && manifestOf(files);
  }

  /**
   * Scans contents that were scanned by former rules, and whose files are here; the others are scanned when they are fetched.
   * @returns how many; fewer than `limit` means done.
   */
  async rescan(limit: number): Promise<number> {
    const rows = await this.database.query<{ digest: string; files: Readonly<Record<string, string>> }>(
      'SELECT digest, files FROM skill_contents WHERE scan_version < $1 AND files IS NOT NULL ORDER BY digest LIMIT $2',
      [SCAN_VERSION, limit],
    );
    for (const { digest, files: kept } of rows) {
      const files = Object.entries(kept).map(([path, content]) => ({ path, content }));
      const report = scanSkill({ files, permissions: readKept(files)?.permissions });
      await this.database.query(
        'UPDATE skill_contents SET scan = $2, scan_version = $3 WHERE digest = $1 AND scan_version < $3',
        [digest, JSON.stringify(report), SCAN_VERSION],
      );
    }
    return rows.length;
  }

  /** Where the present content of a skill comes from; undefined when the digest is no longer its present one. */
  async originOf(skillKey: string, digest: string): Promise<SkillOrigin | undefined> {
    const sql = 'SELECT origin FROM skills WHERE key = $1 AND digest = $2';
    return (await this.database.query<{ origin: SkillOrigin }>(sql, [skillKey, digest]))[0]?.origin;
  }

  /** Of what can be fetched again, no more is kept than agents have. */
  async dropUnusedFiles(tx: Tx, digest: string): Promise<void> {
    await tx.query(
      `UPDATE skill_contents c SET files = NULL WHERE c.digest = $1
          AND EXISTS (SELECT 1 FROM skills s WHERE s.digest = c.digest)
          AND NOT EXISTS (SELECT 1 FROM skills s WHERE s.digest = c.digest AND NOT (${CAN_BE_FETCHED}))
          AND NOT EXISTS (SELECT 1 FROM agent_skills a WHERE a.digest = c.digest)
          AND NOT EXISTS (SELECT 1 FROM skill_installs i WHERE i.digest = c.digest AND i.state IN ('pending','running'))`,
      [digest],
    );
  }

  /** Retention: contents that no skill and no agent has. @returns how many; fewer than `limit` means done. */
  async deleteUnused(before: Date, limit: number): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM skill_contents WHERE digest IN (
         SELECT c.digest FROM skill_contents c
          WHERE c.created_at < $1 AND NOT EXISTS (SELECT 1 FROM skills s WHERE s.digest = c.digest)
            AND NOT EXISTS (SELECT 1 FROM agent_skills a WHERE a.digest = c.digest)
          LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING digest`,
      [before, limit],
    );
    return rows.length;
  }
}

const manifestOf = (files: readonly SkillFile[]): ManifestEntry[] =>
  files.map(({ path, content }) => ({
    path,
    sha256: createHash('sha256').update(content).digest('hex'),
    bytes: Buffer.byteLength(content),
  }));
