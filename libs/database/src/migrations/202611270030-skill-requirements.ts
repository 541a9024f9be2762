import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a skill's scripts need, read from its head when it is stored; null for what was stored before. */
export class SkillRequirements1795752000000 implements MigrationInterface {
  readonly name = 'SkillRequirements1795752000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE skill_contents ADD COLUMN requirements jsonb');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE skill_contents DROP COLUMN IF EXISTS requirements');
  }
}
