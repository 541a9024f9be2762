import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE restore_drills (
  id uuid PRIMARY KEY,
  host_id text NOT NULL,
  outcome text NOT NULL DEFAULT 'running' CHECK (outcome IN ('running','passed','failed')),
  reason text,
  tables int,
  rows bigint,
  files int,
  bytes bigint,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  CHECK ((outcome = 'running') = (ended_at IS NULL)),
  CHECK ((outcome = 'failed') = (reason IS NOT NULL))
);
CREATE INDEX restore_drills_started_idx ON restore_drills (started_at DESC);
`;

const DOWN = 'DROP TABLE restore_drills;';

/** What came of rehearsals: a backup taken, brought back beside the original, and checked. */
export class RestoreDrills1796430000000 implements MigrationInterface {
  readonly name = 'RestoreDrills1796430000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
