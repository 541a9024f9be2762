import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
ALTER TABLE agent_files ADD COLUMN updated_by text;
CREATE TABLE agent_file_versions (
  agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
  path text NOT NULL,
  version int NOT NULL,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  content text NOT NULL,
  sha256 text NOT NULL,
  updated_at timestamptz NOT NULL,
  updated_by text,
  replaced_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (agent_id, path, version)
);
`;

const DOWN = `
DROP TABLE IF EXISTS agent_file_versions;
ALTER TABLE agent_files DROP COLUMN IF EXISTS updated_by;
`;

/** What a file of an agent said before it was overwritten or deleted. */
export class FileVersions1795374600000 implements MigrationInterface {
  readonly name = 'FileVersions1795374600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
