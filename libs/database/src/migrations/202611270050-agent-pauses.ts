import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Agents of an older version get their keys here; those it makes while both versions run have none. */
const UP = `
ALTER TABLE agents ADD COLUMN paused_at timestamptz, ADD COLUMN provisioned_at timestamptz,
  ADD COLUMN error_count int NOT NULL DEFAULT 0, ADD COLUMN persona text, ADD COLUMN session_key text;
UPDATE agents SET provisioned_at = started_at WHERE started_at IS NOT NULL;
WITH slugs AS (
  SELECT id, org_id, created_at,
         coalesce(nullif(trim('-' FROM left(regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g'), 50)), ''), 'agent') AS slug
    FROM agents WHERE desired_state <> 'deleted'
), numbered AS (
  SELECT id, org_id, slug, row_number() OVER (PARTITION BY org_id, slug ORDER BY created_at, id) AS n FROM slugs
)
UPDATE agents a SET session_key = CASE
    WHEN n = 1 THEN 'agent:' || slug || ':main'
    WHEN EXISTS (SELECT 1 FROM slugs s WHERE s.org_id = numbered.org_id AND s.slug = numbered.slug || '-' || n)
      THEN 'agent:' || slug || '-' || left(a.id::text, 8) || ':main'
    ELSE 'agent:' || slug || '-' || n || ':main' END
  FROM numbered WHERE numbered.id = a.id;
CREATE UNIQUE INDEX agents_session_key_idx ON agents (org_id, session_key) WHERE desired_state <> 'deleted';
`;

const DOWN = `
DROP INDEX IF EXISTS agents_session_key_idx;
ALTER TABLE agents DROP COLUMN IF EXISTS paused_at, DROP COLUMN IF EXISTS provisioned_at, DROP COLUMN IF EXISTS error_count,
  DROP COLUMN IF EXISTS persona, DROP COLUMN IF EXISTS session_key;
`;

/** What agents have besides their state: a pause, a persona, a key of their main session, how often they failed. */
export class AgentPauses1795762800000 implements MigrationInterface {
  readonly name = 'AgentPauses1795762800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
