import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import { type Page, type Scope, newId } from '#libs/kernel';
import { NO_REQUIREMENTS } from './requirements.js';
import { SCAN_VERSION } from './scan/index.js';
import { SkillContentsRepository, canBeFetched } from './skill-contents.repository.js';
import type { SkillOrigin } from './sources/skill-source.js';
import type { CatalogueSkill, ParsedSkill, SearchSkills, TrustLevel } from './skill.js';

const NOTHING = JSON.stringify(NO_REQUIREMENTS);

const SKILL = `
  s.id, s.trust_level AS "trustLevel", s.name, s.description, s.enhanced_description AS "enhancedDescription", s.author,
  s.org_id IS NOT NULL AS "isOwn", s.category, s.tags, s.use_cases AS "useCases", s.tool_count AS "toolCount", s.version, s.digest, s.permissions,
  s.install_count AS "installCount",
  coalesce((SELECT c.requirements FROM skill_contents c WHERE c.digest = s.digest), '${NOTHING}') AS requirements,
  (SELECT (c.scan ->> 'securityScore')::int FROM skill_contents c WHERE c.digest = s.digest) AS "securityScore",
  coalesce((SELECT c.scan -> 'findings' FROM skill_contents c WHERE c.digest = s.digest), '[]') AS findings,
  coalesce((SELECT c.scan ->> 'verdict' FROM skill_contents c WHERE c.digest = s.digest), 'pass') AS verdict,
  coalesce((SELECT c.scan -> 'reasons' FROM skill_contents c WHERE c.digest = s.digest), '[]') AS reasons`;

/** What an organisation sees: the verified ones, and its own. */
const VISIBLE = 's.listed AND (s.org_id IS NULL OR s.org_id = $1)';

/** The rows of `page` whole, with the size of the whole list in each; one row without a skill when the page is empty. */
const shown = (total: string): string => `
  SELECT (${total}) AS total, r.* FROM (SELECT 1) one LEFT JOIN (
    SELECT ${SKILL}, page.rank FROM page JOIN skills s USING (key)
  ) r ON true ORDER BY r.rank DESC, r."installCount" DESC, r.id`;

const QUERY = `(to_tsquery('english', $5) || to_tsquery('simple', $5))`;
const IN_CATEGORY = '($2::text IS NULL OR s.category = $2)';

/** Stems find other forms of a word, the words themselves what consists of `at`, `once` and their like. */
const SEARCH = `
  WITH matching AS (
    SELECT s.key, s.id, s.install_count, ts_rank(s.search, ${QUERY}) AS rank
      FROM skills s WHERE ${VISIBLE} AND s.search @@ ${QUERY} AND ${IN_CATEGORY}
  ), page AS (SELECT * FROM matching ORDER BY rank DESC, install_count DESC, id LIMIT $3 OFFSET $4)
  ${shown('SELECT count(*)::int FROM matching')}`;

/** Without words nothing is ranked: the page comes from an index that has its order, the size of the list from one that has no more. */
const BROWSE = `
  WITH page AS (
    SELECT s.key, 0 AS rank FROM skills s WHERE ${VISIBLE} AND ${IN_CATEGORY}
     ORDER BY s.install_count DESC, s.id LIMIT $3 OFFSET $4)
  ${shown(`SELECT (SELECT count(*) FROM skills s WHERE s.org_id IS NULL AND s.listed AND ${IN_CATEGORY})::int +
                  (SELECT count(*) FROM skills s WHERE s.org_id = $1 AND s.listed AND ${IN_CATEGORY})::int`)}`;

const SAVE = `
  INSERT INTO skills (key, org_id, id, trust_level, name, description, enhanced_description, author, category, tags,
                      use_cases, tool_count, version, digest, permissions, origin, search)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
          setweight(to_tsvector('simple', $5 || ' ' || $3), 'A') || setweight(to_tsvector('english', $5), 'A') ||
          setweight(to_tsvector('english', array_to_string($10::text[], ' ')), 'B') ||
          setweight(to_tsvector('english', $6), 'C'))
  ON CONFLICT (org_id, trust_level, id) DO UPDATE SET name = excluded.name, description = excluded.description,
     enhanced_description = excluded.enhanced_description, author = excluded.author, category = excluded.category,
     tags = excluded.tags, use_cases = excluded.use_cases, tool_count = excluded.tool_count, version = excluded.version,
     digest = excluded.digest, permissions = excluded.permissions, origin = excluded.origin, search = excluded.search, listed = true,
     updated_at = now()`;

/** One skill with the key of its row. */
export type KeyedSkill = CatalogueSkill & { readonly key: string };

/** Rows of `skills`. */
@Injectable()
export class SkillsRepository {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SkillContentsRepository) private readonly contents: SkillContentsRepository,
  ) {}

  /** Best match first, then what most agents have. */
  async search(scope: Scope, { search, category, limit, offset }: SearchSkills): Promise<Page<CatalogueSkill>> {
    const words = search === undefined ? '' : tsquery(search);
    if (words === undefined) return { items: [], total: 0 };
    const values = [scope.orgId, category ?? null, limit, offset];
    const rows = await this.database.query<CatalogueSkill & { total: number; id: string | null; rank: number }>(
      words === '' ? BROWSE : SEARCH,
      words === '' ? values : [...values, words],
    );
    const items = rows.filter((row) => row.id !== null).map(({ total: _total, rank: _rank, ...skill }) => skill);
    return { items, total: rows[0]?.total ?? 0 };
  }

  /** Of one level, or the verified one before others, and what all see before the organisation's own; held until `tx` ends where one is given. */
  async find(scope: Scope, id: string, level?: TrustLevel, tx?: Tx): Promise<KeyedSkill | undefined> {
    const on: Sql = tx ?? this.database;
    const [skill] = await on.query<KeyedSkill>(
      `SELECT ${SKILL}, s.key FROM skills s WHERE ${VISIBLE} AND s.id = $2 AND ($3::text IS NULL OR s.trust_level = $3)
        ORDER BY s.trust_level = 'verified' DESC, s.org_id NULLS FIRST LIMIT 1 ${tx ? 'FOR KEY SHARE' : ''}`,
      [scope.orgId, id, level ?? null],
    );
    return skill;
  }

  /** Makes changes of one catalogue take turns until `tx` ends; null is the one all organisations see. */
  async lock(tx: Tx, orgId: string | null): Promise<void> {
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`skills|${orgId ?? 'verified'}`]);
  }

  async count(tx: Tx, orgId: string): Promise<number> {
    const [row] = await tx.query<{ n: number }>('SELECT count(*)::int AS n FROM skills WHERE org_id = $1', [orgId]);
    return row?.n ?? 0;
  }

  /** Adds the skill, or puts it in the place of the one of its name and level. */
  async save(tx: Tx, orgId: string | null, level: TrustLevel, skill: ParsedSkill, origin: SkillOrigin): Promise<void> {
    await this.contents.keep(tx, skill, { withFiles: !canBeFetched(origin) });
    const texts = [skill.id, level, skill.name, skill.description, skill.enhancedDescription, skill.author];
    const lists = [skill.category, skill.tags, skill.useCases, skill.toolCount, skill.version, skill.digest];
    await tx.query(SAVE, [
      newId(),
      orgId,
      ...texts,
      ...lists,
      JSON.stringify(skill.permissions),
      JSON.stringify(origin),
    ]);
  }

  /** What everybody sees of a level by id, with what it holds; empty where that was never scanned by the present rules. */
  async published(tx: Tx, level: TrustLevel): Promise<Map<string, string>> {
    const sql = `SELECT s.id, CASE WHEN c.scan_version < ${SCAN_VERSION} THEN '' ELSE s.digest END AS digest
                   FROM skills s JOIN skill_contents c USING (digest)
                  WHERE s.org_id IS NULL AND s.listed AND s.trust_level = $1`;
    return new Map(
      (await tx.query<{ id: string; digest: string }>(sql, [level])).map(({ id, digest }) => [id, digest]),
    );
  }

  /** Agents that have one of these keep it; nobody finds it any more. */
  async unlist(tx: Tx, level: TrustLevel, ids: readonly string[]): Promise<void> {
    const sql = 'UPDATE skills SET listed = false WHERE org_id IS NULL AND trust_level = $1 AND id = ANY($2)';
    await tx.query(sql, [level, ids]);
  }

  async remove(tx: Tx, scope: Scope, key: string): Promise<void> {
    await tx.query('DELETE FROM skills WHERE org_id = $1 AND key = $2', [scope.orgId, key]);
  }
}

const MOST_WORDS = 10;

/** Every word, or its beginning, must be there; undefined when there is none. Only letters and digits get into the query. */
function tsquery(search: string): string | undefined {
  const words = search.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.length === 0
    ? undefined
    : words
        .slice(0, MOST_WORDS)
        .map((word) => `'${word}':*`)
        .join(' & ');
}
