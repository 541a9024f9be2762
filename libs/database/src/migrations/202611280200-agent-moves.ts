import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
ALTER TABLE agents ADD COLUMN next_host_id text REFERENCES hosts;
ALTER TABLE agent_workspaces ADD COLUMN placed_on text;
CREATE INDEX agents_next_host_idx ON agents (next_host_id) WHERE next_host_id IS NOT NULL;
DROP INDEX agents_unsettled_idx;
CREATE INDEX agents_unsettled_idx ON agents (host_id, next_attempt_at)
  WHERE status <> 'deleted'
    AND (status <> desired_state OR observed_restart_generation <> restart_generation OR next_host_id IS NOT NULL);
`;

const DOWN = `
DROP INDEX agents_unsettled_idx;
CREATE INDEX agents_unsettled_idx ON agents (host_id, next_attempt_at)
  WHERE status <> 'deleted' AND (status <> desired_state OR observed_restart_generation <> restart_generation);
DROP INDEX agents_next_host_idx;
ALTER TABLE agent_workspaces DROP COLUMN placed_on;
ALTER TABLE agents DROP COLUMN next_host_id;
`;

/** The host an agent is about to move to, and the host that holds the present copy of its files. */
export class AgentMoves1796200000000 implements MigrationInterface {
  readonly name = 'AgentMoves1796200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
