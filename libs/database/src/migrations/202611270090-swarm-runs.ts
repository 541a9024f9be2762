import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
ALTER TABLE swarms
  ADD COLUMN strategy text NOT NULL DEFAULT 'parallel'
    CHECK (strategy IN ('parallel','sequential','hierarchical','democratic','custom')),
  ADD COLUMN goal text,
  ADD COLUMN status text NOT NULL DEFAULT 'idle' CHECK (status IN ('idle','running','paused','stopped','failed')),
  ADD COLUMN configuration jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN user_id uuid REFERENCES users ON DELETE SET NULL,
  ADD COLUMN error_message text,
  ADD COLUMN started_at timestamptz,
  ADD COLUMN paused_at timestamptz,
  ADD COLUMN stopped_at timestamptz;
CREATE INDEX swarms_org_idx ON swarms (org_id, created_at DESC, id);
CREATE TABLE swarm_runs (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  swarm_id uuid NOT NULL REFERENCES swarms ON DELETE CASCADE,
  strategy text NOT NULL,
  status text NOT NULL DEFAULT 'running' CHECK (status IN ('running','completed','failed')),
  result text,
  error_code text,
  error_message text,
  started_by text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  looked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz
);
CREATE UNIQUE INDEX swarm_runs_open_key ON swarm_runs (swarm_id) WHERE status = 'running';
CREATE INDEX swarm_runs_swarm_idx ON swarm_runs (swarm_id, started_at DESC, id);
CREATE INDEX swarm_runs_looked_idx ON swarm_runs (looked_at) WHERE status = 'running';
CREATE INDEX swarm_runs_finished_idx ON swarm_runs (finished_at) WHERE finished_at IS NOT NULL;
CREATE TABLE swarm_steps (
  id uuid PRIMARY KEY,
  run_id uuid NOT NULL REFERENCES swarm_runs ON DELETE CASCADE,
  org_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('work','plan','review','proposal','vote')),
  round int NOT NULL,
  position int NOT NULL,
  prompt text NOT NULL,
  status text NOT NULL DEFAULT 'ready' CHECK (status IN ('ready','running','completed','failed')),
  attempts int NOT NULL DEFAULT 0,
  epoch int NOT NULL DEFAULT 0,
  instance_id uuid,
  next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  chat_run_id uuid,
  output text,
  error_code text,
  error_message text,
  input_tokens int NOT NULL DEFAULT 0,
  output_tokens int NOT NULL DEFAULT 0,
  cost_micro_usd bigint NOT NULL DEFAULT 0,
  started_at timestamptz,
  finished_at timestamptz,
  UNIQUE (run_id, round, kind, position)
);
CREATE INDEX swarm_steps_due_idx ON swarm_steps (next_attempt_at) WHERE status = 'ready';
CREATE INDEX swarm_steps_running_idx ON swarm_steps (instance_id) WHERE status = 'running';
`;

const DOWN = `
DROP TABLE swarm_steps, swarm_runs;
DROP INDEX swarms_org_idx;
ALTER TABLE swarms DROP COLUMN strategy, DROP COLUMN goal, DROP COLUMN status, DROP COLUMN configuration, DROP COLUMN user_id,
  DROP COLUMN error_message, DROP COLUMN started_at, DROP COLUMN paused_at, DROP COLUMN stopped_at;
`;

/** What swarms work towards, how, and what came of it. */
export class SwarmRuns1795780000000 implements MigrationInterface {
  readonly name = 'SwarmRuns1795780000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
