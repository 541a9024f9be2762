import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE agent_workspaces (
  agent_id uuid PRIMARY KEY REFERENCES agents ON DELETE CASCADE,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  copy_id text,
  store text,
  version int NOT NULL DEFAULT 0,
  files int NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  synced_at timestamptz,
  next_sync_at timestamptz NOT NULL DEFAULT now(),
  attempts int NOT NULL DEFAULT 0,
  error_code text,
  last_error text,
  left_out text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX agent_workspaces_due_idx ON agent_workspaces (next_sync_at);
CREATE TABLE agent_workspace_files (
  agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
  path text NOT NULL,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  object_key text NOT NULL,
  sha256 text NOT NULL,
  size_bytes bigint NOT NULL,
  executable boolean NOT NULL,
  PRIMARY KEY (agent_id, path)
);
CREATE TABLE storage_deletions (
  store text NOT NULL,
  key text NOT NULL,
  org_id uuid NOT NULL,
  due_at timestamptz NOT NULL,
  deleting boolean NOT NULL DEFAULT false,
  attempts int NOT NULL DEFAULT 0,
  PRIMARY KEY (store, key)
);
CREATE INDEX storage_deletions_due_idx ON storage_deletions (store, due_at);
`;

const DOWN = `
DROP TABLE IF EXISTS storage_deletions;
DROP TABLE IF EXISTS agent_workspace_files;
DROP TABLE IF EXISTS agent_workspaces;
`;

/** Which files of an agent are stored where, and which stored objects have to go. */
export class Workspaces1795394400000 implements MigrationInterface {
  readonly name = 'Workspaces1795394400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
