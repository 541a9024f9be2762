import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
ALTER TABLE agents ADD COLUMN repair_wanted boolean NOT NULL DEFAULT false,
  ADD COLUMN memory_reset_wanted boolean NOT NULL DEFAULT false, ADD COLUMN memory_reset_at timestamptz;
`;

const DOWN = `
ALTER TABLE agents DROP COLUMN IF EXISTS repair_wanted, DROP COLUMN IF EXISTS memory_reset_wanted,
  DROP COLUMN IF EXISTS memory_reset_at;
`;

/** What is to happen before the next instance of an agent, and since when it remembers. */
export class AgentRenewals1796420000000 implements MigrationInterface {
  readonly name = 'AgentRenewals1796420000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
