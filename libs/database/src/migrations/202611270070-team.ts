import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
ALTER TABLE users ADD COLUMN email_verified_at timestamptz;

ALTER TABLE memberships
  ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
  ADD COLUMN status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE','SUSPENDED')),
  ADD COLUMN invited_by uuid REFERENCES users ON DELETE SET NULL,
  ADD COLUMN invited_at timestamptz;
CREATE UNIQUE INDEX memberships_id_key ON memberships (id);

ALTER TABLE invites ADD COLUMN name text NOT NULL DEFAULT '', ADD COLUMN revoked_at timestamptz;
CREATE INDEX invites_org_idx ON invites (org_id, created_at);
CREATE INDEX invites_email_idx ON invites (lower(email)) WHERE accepted_at IS NULL AND revoked_at IS NULL;
CREATE INDEX invites_expiry_idx ON invites (expires_at);

CREATE TABLE password_links (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX password_links_user_idx ON password_links (user_id, created_at);
CREATE INDEX password_links_expiry_idx ON password_links (expires_at);

CREATE TABLE mails (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  invite_id uuid REFERENCES invites ON DELETE CASCADE,
  password_link_id uuid REFERENCES password_links ON DELETE CASCADE,
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued','sent','failed')),
  attempts int NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz,
  CHECK (num_nonnulls(invite_id, password_link_id) = 1)
);
CREATE INDEX mails_due_idx ON mails (next_attempt_at) WHERE status = 'queued';
CREATE INDEX mails_invite_idx ON mails (invite_id);
CREATE INDEX mails_password_link_idx ON mails (password_link_id);
`;

const DOWN = `
DROP TABLE IF EXISTS mails, password_links;
DROP INDEX IF EXISTS invites_org_idx, invites_email_idx, invites_expiry_idx;
ALTER TABLE invites DROP COLUMN IF EXISTS name, DROP COLUMN IF EXISTS revoked_at;
DROP INDEX IF EXISTS memberships_id_key;
ALTER TABLE memberships DROP COLUMN IF EXISTS id, DROP COLUMN IF EXISTS status, DROP COLUMN IF EXISTS invited_by,
  DROP COLUMN IF EXISTS invited_at;
ALTER TABLE users DROP COLUMN IF EXISTS email_verified_at;
`;

/** Members that are invited, suspended and named; what is mailed to them; links to set a password. */
export class Team1795804800000 implements MigrationInterface {
  readonly name = 'Team1795804800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
