import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE oidc_identities (
  issuer text NOT NULL,
  subject text NOT NULL,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (issuer, subject)
);
CREATE INDEX oidc_identities_user_idx ON oidc_identities (user_id);
CREATE TABLE sign_in_codes (
  code_hash bytea PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_codes_org_idx ON sign_in_codes (org_id);
CREATE INDEX sign_in_codes_user_idx ON sign_in_codes (user_id);
CREATE INDEX sign_in_codes_expiry_idx ON sign_in_codes (expires_at);
`;

const DOWN = 'DROP TABLE IF EXISTS sign_in_codes, oidc_identities';

/** Who signs in with the OpenID Connect provider, and the codes that a sign-in ends with. */
export class Oidc1795900000000 implements MigrationInterface {
  readonly name = 'Oidc1795900000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
