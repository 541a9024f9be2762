import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE alert_settings (
  org_id uuid PRIMARY KEY REFERENCES organisations ON DELETE CASCADE,
  buffer_utilization float8 NOT NULL DEFAULT 80 CHECK (buffer_utilization BETWEEN 0 AND 100),
  crash_count int NOT NULL DEFAULT 3 CHECK (crash_count >= 0),
  revocation_rate float8 NOT NULL DEFAULT 50 CHECK (revocation_rate BETWEEN 0 AND 100),
  ip_pool_utilization float8 NOT NULL DEFAULT 90 CHECK (ip_pool_utilization BETWEEN 0 AND 100),
  webhook_url text,
  webhook_nonce uuid,
  raised text[] NOT NULL DEFAULT '{}',
  event_seq bigint NOT NULL DEFAULT 0,
  looked_at timestamptz NOT NULL DEFAULT '-infinity',
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_settings_looked_idx ON alert_settings (looked_at);
CREATE TABLE alert_deliveries (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  body text NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_deliveries_due_idx ON alert_deliveries (next_attempt_at);
CREATE INDEX alert_deliveries_org_idx ON alert_deliveries (org_id);
`;

const DOWN = 'DROP TABLE IF EXISTS alert_deliveries; DROP TABLE IF EXISTS alert_settings;';

/** When an organisation wants to be alerted, what it was alerted of, and what is still to be told. */
export class Alerts1795852000000 implements MigrationInterface {
  readonly name = 'Alerts1795852000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
