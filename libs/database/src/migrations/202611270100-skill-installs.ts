import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
ALTER TABLE skill_contents ALTER COLUMN files DROP NOT NULL;
ALTER TABLE skill_contents ADD COLUMN manifest jsonb;
ALTER TABLE skill_contents ADD COLUMN scan_version int NOT NULL DEFAULT 0;
ALTER TABLE skills ADD COLUMN origin jsonb NOT NULL DEFAULT '{"kind":"upload"}';
UPDATE skills SET origin = '{"kind":"verified"}' WHERE trust_level = 'verified';
CREATE INDEX skills_listed_idx ON skills (org_id, listed, install_count DESC, id);

ALTER TABLE agent_skills ADD COLUMN state text NOT NULL DEFAULT 'installed' CHECK (state IN ('installing','installed'));
ALTER TABLE agent_skills ADD COLUMN disabled_at timestamptz;
ALTER TABLE agent_skills ADD COLUMN tools_digest text;
ALTER TABLE agent_skills ADD COLUMN manual text[] NOT NULL DEFAULT '{}';

CREATE TABLE skill_installs (
  id text PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
  skill_key uuid NOT NULL REFERENCES skills ON DELETE CASCADE,
  skill_id text NOT NULL,
  name text NOT NULL,
  trust_level text NOT NULL,
  version text NOT NULL,
  digest text NOT NULL,
  former jsonb,
  requested_by text NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending','running','done','failed')),
  step text NOT NULL DEFAULT 'queued',
  progress int NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
  error_kind text,
  error_code text,
  error text,
  attempts int NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  epoch bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz
);
CREATE UNIQUE INDEX skill_installs_open_idx ON skill_installs (agent_id, skill_id) WHERE state IN ('pending','running');
CREATE INDEX skill_installs_agent_idx ON skill_installs (agent_id, skill_id, created_at DESC);
CREATE INDEX skill_installs_finished_idx ON skill_installs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX skill_installs_digest_idx ON skill_installs (digest);

CREATE TABLE skill_placements (
  agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
  skill_id text NOT NULL,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  seq bigint NOT NULL DEFAULT 1,
  attempts int NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  error text,
  PRIMARY KEY (agent_id, skill_id)
);

CREATE TABLE disabled_digests (
  digest text NOT NULL,
  org_id uuid REFERENCES organisations ON DELETE CASCADE,
  reason text NOT NULL,
  disabled_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (digest, org_id)
);
`;

const DOWN = `
DROP TABLE IF EXISTS disabled_digests, skill_placements, skill_installs;
ALTER TABLE agent_skills DROP COLUMN IF EXISTS state, DROP COLUMN IF EXISTS disabled_at,
  DROP COLUMN IF EXISTS tools_digest, DROP COLUMN IF EXISTS manual;
DROP INDEX IF EXISTS skills_listed_idx;
ALTER TABLE skills DROP COLUMN IF EXISTS origin;
ALTER TABLE skill_contents DROP COLUMN IF EXISTS manifest, DROP COLUMN IF EXISTS scan_version;
`;

/** Installing is work with a state; what has to be placed into workspaces; contents that no agent may have. */
export class SkillInstalls1795809600000 implements MigrationInterface {
  readonly name = 'SkillInstalls1795809600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
