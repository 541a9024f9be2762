import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
ALTER TABLE runs DROP CONSTRAINT runs_org_id_fkey, DROP CONSTRAINT runs_agent_id_fkey;
ALTER TABLE messages DROP CONSTRAINT messages_org_id_fkey, DROP CONSTRAINT messages_agent_id_fkey;
`;

const DOWN = `
ALTER TABLE runs ADD CONSTRAINT runs_org_id_fkey FOREIGN KEY (org_id) REFERENCES organisations ON DELETE CASCADE,
  ADD CONSTRAINT runs_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES agents ON DELETE CASCADE;
ALTER TABLE messages ADD CONSTRAINT messages_org_id_fkey FOREIGN KEY (org_id) REFERENCES organisations ON DELETE CASCADE,
  ADD CONSTRAINT messages_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES agents ON DELETE CASCADE;
`;

/** Their session says whose runs and messages are, and takes them along; each key was looked up again at every turn. */
export class LeanChatKeys1795377600000 implements MigrationInterface {
  readonly name = 'LeanChatKeys1795377600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
