import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whether the program of an agent keeps end users apart, as its host found out when it got ready. */
export class ServesPeers1795401600000 implements MigrationInterface {
  readonly name = 'ServesPeers1795401600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE agents ADD COLUMN serves_peers boolean NOT NULL DEFAULT true');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE agents DROP COLUMN IF EXISTS serves_peers');
  }
}
