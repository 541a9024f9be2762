import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE agent_heartbeats (
  agent_id uuid PRIMARY KEY REFERENCES agents ON DELETE CASCADE,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  enabled boolean NOT NULL DEFAULT false,
  interval_seconds int NOT NULL DEFAULT 1800 CHECK (interval_seconds IN (300, 900, 1800, 3600, 7200)),
  checklist text[] NOT NULL DEFAULT '{}',
  last_at timestamptz,
  next_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX agent_heartbeats_due_idx ON agent_heartbeats (next_at) WHERE enabled;
CREATE TABLE heartbeat_executions (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
  due_at timestamptz NOT NULL,
  manual boolean NOT NULL DEFAULT false,
  status text NOT NULL CHECK (status IN ('pending','running','completed','failed','skipped')),
  checklist text[] NOT NULL,
  instance_id uuid NOT NULL,
  started_at timestamptz,
  completed_at timestamptz,
  response text,
  error_message text,
  UNIQUE (agent_id, due_at)
);
CREATE UNIQUE INDEX heartbeat_executions_running_idx ON heartbeat_executions (agent_id) WHERE status = 'running';
CREATE INDEX heartbeat_executions_due_idx ON heartbeat_executions (due_at);
`;

const DOWN = 'DROP TABLE IF EXISTS heartbeat_executions; DROP TABLE IF EXISTS agent_heartbeats;';

/** When agents are woken to go through a checklist, and what came of it. */
export class Heartbeats1795830000000 implements MigrationInterface {
  readonly name = 'Heartbeats1795830000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
