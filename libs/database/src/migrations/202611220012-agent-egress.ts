import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE agent_egress_hosts (
  agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
  source text NOT NULL,
  host text NOT NULL,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  PRIMARY KEY (agent_id, source, host)
);
CREATE INDEX agent_egress_hosts_source_idx ON agent_egress_hosts (org_id, source);
`;

const DOWN = 'DROP TABLE IF EXISTS agent_egress_hosts;';

/** Hosts an agent may reach beyond those in its config, each with who approved it. */
export class AgentEgress1795423200000 implements MigrationInterface {
  readonly name = 'AgentEgress1795423200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
