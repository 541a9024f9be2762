import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE tasks (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  agent_id uuid REFERENCES agents ON DELETE SET NULL,
  created_by text NOT NULL,
  created_by_agent_id uuid REFERENCES agents ON DELETE SET NULL,
  peer_id text,
  task_type text NOT NULL DEFAULT 'general',
  title text NOT NULL DEFAULT '',
  description text NOT NULL DEFAULT '',
  payload jsonb NOT NULL DEFAULT '{}',
  required_capabilities jsonb NOT NULL DEFAULT '{}',
  priority text NOT NULL DEFAULT 'normal' CHECK (priority IN ('low','normal','high','critical')),
  status text NOT NULL DEFAULT 'queued' CHECK (status IN
    ('queued','leased','running','completed','failed','expired','permanently_failed','cancelled')),
  retry_count int NOT NULL DEFAULT 0,
  max_retries int NOT NULL DEFAULT 3,
  next_attempt_at timestamptz,
  idempotency_key text,
  epoch bigint NOT NULL DEFAULT 0,
  assigned_peer_id text,
  result jsonb,
  error_message text,
  error_type text,
  event_seq bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_at timestamptz,
  completed_at timestamptz
);
CREATE INDEX tasks_org_idx ON tasks (org_id, created_at DESC, id);
CREATE INDEX tasks_agent_idx ON tasks (agent_id, created_at DESC, id) WHERE agent_id IS NOT NULL;
CREATE INDEX tasks_maker_idx ON tasks (created_by_agent_id, created_at DESC, id) WHERE created_by_agent_id IS NOT NULL;
CREATE INDEX tasks_open_idx ON tasks (org_id, status) WHERE status IN ('queued','leased','running');
CREATE INDEX tasks_done_idx ON tasks (updated_at) WHERE status IN ('completed','permanently_failed','cancelled','failed');
CREATE UNIQUE INDEX tasks_idempotency_idx ON tasks (org_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
`;

const DOWN = 'DROP TABLE IF EXISTS tasks;';

/** What agents are given to do, and what came of it. */
export class Tasks1795408800000 implements MigrationInterface {
  readonly name = 'Tasks1795408800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
