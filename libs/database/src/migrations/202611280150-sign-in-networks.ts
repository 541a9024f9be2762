import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE sign_in_networks (
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  network_hash bytea NOT NULL,
  last_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, network_hash)
);
CREATE INDEX sign_in_networks_last_idx ON sign_in_networks (last_at);

ALTER TABLE rate_limits ADD COLUMN window_ms bigint NOT NULL DEFAULT 60000;
CREATE OR REPLACE FUNCTION take_rate_limit(p_key text, p_limit bigint, p_window_ms bigint, p_want int)
RETURNS TABLE (granted int, remaining bigint, reset_at_ms bigint, reset_in_ms bigint) LANGUAGE plpgsql AS $$
DECLARE
  -- A slot is forgotten only when its last moment left the window: rounding never grants more than the limit.
  v_resolution CONSTANT bigint := CASE WHEN p_limit <= 600 THEN 1 ELSE 1000 END;
  v_slots bigint[];
  v_counts int[];
  v_now bigint;
  v_slot bigint;
  v_first int := 1;
  v_used bigint := 0;
BEGIN
  LOOP
    SELECT slots, counts INTO v_slots, v_counts FROM rate_limits WHERE key = p_key FOR UPDATE;
    EXIT WHEN FOUND;
    INSERT INTO rate_limits (key, window_ms) VALUES (p_key, p_window_ms) ON CONFLICT DO NOTHING;
  END LOOP;
  v_now := floor(extract(epoch FROM clock_timestamp()) * 1000);
  IF cardinality(v_slots) > 0 THEN v_now := greatest(v_now, v_slots[cardinality(v_slots)]); END IF;
  WHILE v_first <= cardinality(v_slots) AND v_slots[v_first] + v_resolution + p_window_ms <= v_now LOOP
    v_first := v_first + 1;
  END LOOP;
  v_slots := v_slots[v_first:];
  v_counts := v_counts[v_first:];
  SELECT coalesce(sum(c), 0) INTO v_used FROM unnest(v_counts) AS c;
  granted := least(p_want, greatest(p_limit - v_used, 0));
  IF granted > 0 THEN
    v_slot := v_now - v_now % v_resolution;
    IF cardinality(v_slots) > 0 AND v_slots[cardinality(v_slots)] = v_slot THEN
      v_counts[cardinality(v_counts)] := v_counts[cardinality(v_counts)] + granted;
    ELSE
      v_slots := v_slots || v_slot;
      v_counts := v_counts || granted;
    END IF;
  END IF;
  IF granted > 0 OR v_first > 1 THEN
    UPDATE rate_limits SET slots = v_slots, counts = v_counts, updated_at = clock_timestamp() WHERE key = p_key;
  END IF;
  remaining := greatest(p_limit - v_used - granted, 0);
  reset_at_ms := CASE WHEN cardinality(v_slots) > 0 THEN v_slots[1] + v_resolution + p_window_ms ELSE v_now END;
  reset_in_ms := reset_at_ms - v_now;
  RETURN NEXT;
END $$;
`;

const DOWN = 'DROP TABLE IF EXISTS sign_in_networks';

/** Networks that users signed in from; and rows of the rate limiter know their window, so that longer ones outlive a sweep. */
export class SignInNetworks1796100000000 implements MigrationInterface {
  readonly name = 'SignInNetworks1796100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
