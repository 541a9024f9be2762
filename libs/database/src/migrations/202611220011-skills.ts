import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE skill_contents (
  digest text PRIMARY KEY,
  files jsonb NOT NULL,
  file_count int NOT NULL,
  size_bytes int NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE skills (
  key uuid PRIMARY KEY,
  org_id uuid REFERENCES organisations ON DELETE CASCADE,
  id text NOT NULL,
  trust_level text NOT NULL CHECK (trust_level IN ('verified','clawhub','custom')),
  name text NOT NULL,
  description text NOT NULL,
  enhanced_description text NOT NULL,
  author text NOT NULL,
  category text NOT NULL,
  tags text[] NOT NULL,
  use_cases text[] NOT NULL,
  tool_count int NOT NULL,
  version text NOT NULL,
  digest text NOT NULL REFERENCES skill_contents,
  permissions jsonb NOT NULL,
  install_count int NOT NULL DEFAULT 0,
  listed boolean NOT NULL DEFAULT true,
  search tsvector NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (org_id, trust_level, id)
);
CREATE INDEX skills_search_idx ON skills USING gin (search);
CREATE INDEX skills_popular_idx ON skills (install_count DESC, id);
CREATE INDEX skills_digest_idx ON skills (digest);
CREATE TABLE agent_skills (
  id text PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
  skill_key uuid NOT NULL REFERENCES skills ON DELETE CASCADE,
  skill_id text NOT NULL,
  name text NOT NULL,
  trust_level text NOT NULL,
  version text NOT NULL,
  digest text NOT NULL REFERENCES skill_contents,
  is_enabled boolean NOT NULL DEFAULT true,
  installed_by text NOT NULL,
  installed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (agent_id, skill_id)
);
CREATE INDEX agent_skills_skill_idx ON agent_skills (skill_key);
CREATE INDEX agent_skills_digest_idx ON agent_skills (digest);
CREATE FUNCTION count_skill_installs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- always in the same order, so that two who change several never wait for each other
  PERFORM 1 FROM skills WHERE key IN (SELECT skill_key FROM changed) ORDER BY key FOR NO KEY UPDATE;
  UPDATE skills s SET install_count = s.install_count + CASE WHEN TG_OP = 'INSERT' THEN c.n ELSE -c.n END
    FROM (SELECT skill_key, count(*)::int AS n FROM changed GROUP BY skill_key) c WHERE s.key = c.skill_key;
  RETURN NULL;
END $$;
CREATE TRIGGER agent_skills_installed AFTER INSERT ON agent_skills REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_skill_installs();
CREATE TRIGGER agent_skills_uninstalled AFTER DELETE ON agent_skills REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_skill_installs();
`;

const DOWN = `
DROP TABLE IF EXISTS agent_skills, skills, skill_contents;
DROP FUNCTION IF EXISTS count_skill_installs;
`;

/** The catalogue of skills, their contents by digest, and which agent has which. */
export class Skills1795419600000 implements MigrationInterface {
  readonly name = 'Skills1795419600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
