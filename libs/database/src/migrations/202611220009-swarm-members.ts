import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE swarm_members (
  swarm_id uuid NOT NULL REFERENCES swarms ON DELETE CASCADE,
  user_id uuid NOT NULL,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (swarm_id, user_id),
  FOREIGN KEY (org_id, user_id) REFERENCES memberships ON DELETE CASCADE
);
CREATE INDEX swarm_members_user_idx ON swarm_members (org_id, user_id);
`;

const DOWN = 'DROP TABLE IF EXISTS swarm_members;';

/** The people of a swarm; who leaves the organisation leaves its swarms. */
export class SwarmMembers1795412400000 implements MigrationInterface {
  readonly name = 'SwarmMembers1795412400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
