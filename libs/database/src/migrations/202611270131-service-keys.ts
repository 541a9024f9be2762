import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE service_keys (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  service text NOT NULL,
  masked_key text NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  last_validated_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (org_id, service)
);
`;

const DOWN = 'DROP TABLE IF EXISTS service_keys;';

/** What may be shown of the keys an organisation has for services; the keys themselves are secrets. */
export class ServiceKeys1795850000000 implements MigrationInterface {
  readonly name = 'ServiceKeys1795850000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
