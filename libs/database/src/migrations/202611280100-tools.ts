import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE tool_hosts (
  host_id text PRIMARY KEY REFERENCES hosts ON DELETE CASCADE,
  methods text[] NOT NULL,
  programs jsonb NOT NULL,
  digests text[] NOT NULL,
  checked_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE org_tools (
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  name text NOT NULL,
  digest text NOT NULL,
  request jsonb NOT NULL,
  host_id text NOT NULL,
  installed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, name)
);
CREATE INDEX org_tools_host_idx ON org_tools (host_id);
CREATE TABLE tool_installs (
  id text PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  name text NOT NULL,
  action text NOT NULL CHECK (action IN ('install','uninstall')),
  host_id text NOT NULL,
  request jsonb,
  timeout_seconds int NOT NULL,
  requested_by text NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending','running','done','failed')),
  epoch bigint NOT NULL DEFAULT 0,
  attempts int NOT NULL DEFAULT 0,
  logs text[] NOT NULL DEFAULT '{}',
  log_count int NOT NULL DEFAULT 0,
  error text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz
);
CREATE UNIQUE INDEX tool_installs_open_idx ON tool_installs (org_id, name) WHERE state IN ('pending','running');
CREATE INDEX tool_installs_due_idx ON tool_installs (host_id) WHERE state IN ('pending','running');
CREATE INDEX tool_installs_name_idx ON tool_installs (org_id, name, created_at DESC);
CREATE INDEX tool_installs_finished_idx ON tool_installs (finished_at) WHERE finished_at IS NOT NULL;
CREATE TABLE agent_skill_settings (
  id text PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
  skill_name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('cli','project')),
  is_enabled boolean NOT NULL DEFAULT true,
  config jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (agent_id, skill_name)
);
CREATE INDEX agent_skill_settings_name_idx ON agent_skill_settings (org_id, skill_name);
`;

/** Tools that organisations install, work on them, what hosts found, and how agents' skills are set. */
export class Tools1796000000000 implements MigrationInterface {
  readonly name = 'Tools1796000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS agent_skill_settings, tool_installs, org_tools, tool_hosts');
  }
}
