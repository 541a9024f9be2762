import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE INDEX skill_contents_scan_idx ON skill_contents (scan_version, digest) WHERE files IS NOT NULL;
CREATE INDEX skills_category_idx ON skills (category, org_id) WHERE listed;
`;

/** Finds what was scanned by former rules, and counts what a category has. */
export class SkillRescans1795860000000 implements MigrationInterface {
  readonly name = 'SkillRescans1795860000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX IF EXISTS skill_contents_scan_idx, skills_category_idx');
  }
}
