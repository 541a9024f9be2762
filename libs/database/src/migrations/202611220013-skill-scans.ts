import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = 'ALTER TABLE skill_contents ADD COLUMN scan jsonb;';

const DOWN = 'ALTER TABLE skill_contents DROP COLUMN IF EXISTS scan;';

/** What the scan found in a skill's content; null for what was stored before there was one. */
export class SkillScans1795426800000 implements MigrationInterface {
  readonly name = 'SkillScans1795426800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
