import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = 'ALTER TABLE audit_heads ADD COLUMN anchor jsonb;';

const DOWN = 'ALTER TABLE audit_heads DROP COLUMN IF EXISTS anchor;';

/** The signed statement that what stood before the anchor was deleted by retention, not by somebody else. */
export class AuditAnchors1795769400000 implements MigrationInterface {
  readonly name = 'AuditAnchors1795769400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
