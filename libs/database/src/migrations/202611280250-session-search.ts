import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE INDEX messages_session_search_idx ON messages USING gin ((ARRAY[session_id]), search);
DROP INDEX messages_search_idx;
`;

const DOWN = `
CREATE INDEX messages_search_idx ON messages USING gin (search);
DROP INDEX messages_session_search_idx;
`;

/** Words are looked for in one session: the index knows both, so that a word which others use often costs nothing there. */
export class SessionSearch1796250000000 implements MigrationInterface {
  readonly name = 'SessionSearch1796250000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
