import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Since when an organisation is being deleted: from then on nobody gets in, and workers take it apart. */
export class OrganisationDeletion1795745000000 implements MigrationInterface {
  readonly name = 'OrganisationDeletion1795745000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE organisations ADD COLUMN deleting_since timestamptz');
    await runner.query(
      'CREATE INDEX organisations_deleting_idx ON organisations (deleting_since) WHERE deleting_since IS NOT NULL',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE organisations DROP COLUMN IF EXISTS deleting_since');
  }
}
