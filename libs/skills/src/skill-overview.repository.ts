import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import type { Scope } from '#libs/kernel';
import type { CatalogueSkill } from './skill.js';

const MOST_SHOWN = 200;

/** A skill of the catalogue, in short. */
export interface SkillOutline extends Pick<CatalogueSkill, 'id' | 'description' | 'trustLevel' | 'version'> {
  /** It may be installed: neither quarantined nor disabled. */
  readonly isEligible: boolean;
}

/** The most installed skills of a catalogue, and how many there are altogether. */
export interface SkillOverview {
  readonly skills: readonly SkillOutline[];
  readonly total: number;
  readonly ready: number;
}

const VISIBLE = `
  SELECT s.id, s.description, s.trust_level AS "trustLevel", s.version, s.install_count,
         coalesce(c.scan ->> 'verdict', 'pass') <> 'quarantine' AND NOT EXISTS (
           SELECT 1 FROM disabled_digests d WHERE d.digest = s.digest AND (d.org_id IS NULL OR d.org_id = $1)) AS "isEligible"
    FROM skills s LEFT JOIN skill_contents c USING (digest)
   WHERE s.listed AND (s.org_id IS NULL OR s.org_id = $1)`;

/** What an organisation sees of `skills`, counted. */
@Injectable()
export class SkillOverviewRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** At most 200 of them; only those that are eligible, or are not, where that is said. */
  async of(scope: Scope, isEligible?: boolean): Promise<SkillOverview> {
    const [skills, [counts]] = await Promise.all([
      this.database.query<SkillOutline>(
        `SELECT id, description, "trustLevel", version, "isEligible" FROM (${VISIBLE}) v
          WHERE $2::boolean IS NULL OR "isEligible" = $2 ORDER BY install_count DESC, id, "trustLevel" LIMIT $3`,
        [scope.orgId, isEligible ?? null, MOST_SHOWN],
      ),
      this.database.query<{ total: number; ready: number }>(
        `SELECT count(*)::int AS total, (count(*) FILTER (WHERE "isEligible"))::int AS ready FROM (${VISIBLE}) v`,
        [scope.orgId],
      ),
    ]);
    return { skills, total: counts?.total ?? 0, ready: counts?.ready ?? 0 };
  }

  async find(scope: Scope, id: string): Promise<SkillOutline | undefined> {
    const [skill] = await this.database.query<SkillOutline>(
      `SELECT id, description, "trustLevel", version, "isEligible" FROM (${VISIBLE}) v WHERE id = $2 ORDER BY "trustLevel" LIMIT 1`,
      [scope.orgId, id],
    );
    return skill;
  }
}
