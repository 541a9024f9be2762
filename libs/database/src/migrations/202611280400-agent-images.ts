import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
ALTER TABLE agents ADD COLUMN image_id text, ADD COLUMN previous_image text, ADD COLUMN previous_image_id text;
`;

const DOWN = `
ALTER TABLE agents DROP COLUMN IF EXISTS image_id, DROP COLUMN IF EXISTS previous_image,
  DROP COLUMN IF EXISTS previous_image_id;
`;

/** Which image an agent runs, and which one it goes back to when the one it is updated to does not get well. */
export class AgentImages1796410000000 implements MigrationInterface {
  readonly name = 'AgentImages1796410000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
