import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE capability_tokens (
  jti uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  created_by uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  peer_id text NOT NULL,
  capabilities text[] NOT NULL,
  max_gpu_minutes int NOT NULL,
  max_concurrent_tasks int NOT NULL,
  data_scope uuid[] NOT NULL DEFAULT '{}',
  parent_jti uuid,
  issued_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  grace_until timestamptz,
  revoked_at timestamptz
);
CREATE INDEX capability_tokens_org_idx ON capability_tokens (org_id, issued_at DESC, jti);
CREATE INDEX capability_tokens_expiry_idx ON capability_tokens (expires_at);
`;

const DOWN = 'DROP TABLE IF EXISTS capability_tokens;';

/** Tokens for peers: what they may do, for how long, and on which agents and swarms. */
export class CapabilityTokens1795770000000 implements MigrationInterface {
  readonly name = 'CapabilityTokens1795770000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
