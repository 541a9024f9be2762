import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE agent_templates (
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  id text NOT NULL,
  user_id uuid REFERENCES users ON DELETE SET NULL,
  name text NOT NULL,
  description text NOT NULL,
  category text NOT NULL,
  icons text[] NOT NULL DEFAULT '{}',
  default_model text NOT NULL,
  default_persona text NOT NULL,
  default_heartbeat_interval text NOT NULL,
  default_checklist text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id)
);
`;

const DOWN = 'DROP TABLE IF EXISTS agent_templates;';

/** What agents of an organisation can begin as. */
export class AgentTemplates1795851000000 implements MigrationInterface {
  readonly name = 'AgentTemplates1795851000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
