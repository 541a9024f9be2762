import type { MigrationInterface, QueryRunner } from 'typeorm';

/** No foreign keys: what was done outlives who did it, and a row costs its writer no lock on the organisation. */
const UP = `
CREATE TABLE audit_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  org_id uuid NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  type text NOT NULL,
  subject text NOT NULL,
  action text NOT NULL,
  resource text NOT NULL,
  result text NOT NULL,
  reason text,
  metadata jsonb NOT NULL DEFAULT '{}',
  seq bigint,
  hash bytea,
  CHECK ((seq IS NULL) = (hash IS NULL))
);
CREATE UNIQUE INDEX audit_events_chain_idx ON audit_events (org_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX audit_events_unsealed_idx ON audit_events (id) WHERE seq IS NULL;
CREATE INDEX audit_events_org_idx ON audit_events (org_id, at DESC, id DESC);

CREATE TABLE audit_heads (
  org_id uuid PRIMARY KEY,
  seq bigint NOT NULL,
  hash bytea NOT NULL,
  anchor_seq bigint NOT NULL DEFAULT 0,
  anchor_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
  sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX audit_heads_sealed_idx ON audit_heads (sealed_at);

CREATE UNLOGGED TABLE audit_throttles (
  key bytea PRIMARY KEY,
  until timestamptz NOT NULL
);
CREATE INDEX audit_throttles_until_idx ON audit_throttles (until);

CREATE FUNCTION keep_audit_events() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_work text := coalesce(current_setting('rookery.audit', true), '');
BEGIN
  IF TG_OP = 'DELETE' AND v_work = 'retention' AND OLD.seq IS NOT NULL THEN RETURN OLD; END IF;
  IF TG_OP = 'UPDATE' AND v_work = 'sealing' AND OLD.seq IS NULL
    AND to_jsonb(NEW) - 'seq' - 'hash' = to_jsonb(OLD) - 'seq' - 'hash' THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'audit_events is append-only';
END $$;
CREATE TRIGGER audit_events_kept BEFORE UPDATE OR DELETE ON audit_events
  FOR EACH ROW EXECUTE FUNCTION keep_audit_events();
CREATE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER audit_events_whole BEFORE TRUNCATE ON audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
`;

const DOWN = `
DROP TABLE IF EXISTS audit_throttles, audit_heads, audit_events;
DROP FUNCTION IF EXISTS keep_audit_events, refuse_truncate;
`;

/** Who did what: rows that are only ever added, chained by hash for each organisation. */
export class Audit1795768800000 implements MigrationInterface {
  readonly name = 'Audit1795768800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
