import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = `
CREATE TABLE organisations (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  slug text NOT NULL UNIQUE,
  plan text NOT NULL DEFAULT 'self-hosted',
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE organisation_keys (
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  version int NOT NULL,
  wrapped_key bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, version)
);
CREATE TABLE users (
  id uuid PRIMARY KEY,
  email text NOT NULL,
  password_hash text,
  full_name text NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  is_platform_admin boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE TABLE memberships (
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  role text NOT NULL CHECK (role IN ('OWNER','ADMIN','MEMBER','VIEWER')),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, user_id)
);
CREATE INDEX memberships_user_idx ON memberships (user_id);
CREATE TABLE invites (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  email text NOT NULL,
  role text NOT NULL CHECK (role IN ('OWNER','ADMIN','MEMBER','VIEWER')),
  token_hash bytea NOT NULL UNIQUE,
  invited_by uuid REFERENCES users ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  accepted_at timestamptz
);
CREATE TABLE login_sessions (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  revoked_reason text
);
CREATE INDEX login_sessions_user_idx ON login_sessions (user_id);
CREATE INDEX login_sessions_expiry_idx ON login_sessions (expires_at);
CREATE TABLE refresh_tokens (
  id uuid PRIMARY KEY,
  session_id uuid NOT NULL REFERENCES login_sessions ON DELETE CASCADE,
  issued_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  successor_id uuid
);
CREATE INDEX refresh_tokens_session_idx ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expiry_idx ON refresh_tokens (expires_at);
CREATE TABLE api_keys (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  created_by uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  name text NOT NULL,
  prefix text NOT NULL,
  key_hash bytea NOT NULL UNIQUE,
  scopes text[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  revoked_at timestamptz
);
CREATE INDEX api_keys_org_idx ON api_keys (org_id, created_at DESC);

CREATE TABLE hosts (
  id text PRIMARY KEY,
  region text NOT NULL DEFAULT '',
  runtime text NOT NULL,
  edge_url text,
  edge_fingerprint text,
  capacity_agents int NOT NULL,
  incarnation int NOT NULL DEFAULT 1,
  heartbeat_at timestamptz NOT NULL DEFAULT now(),
  draining boolean NOT NULL DEFAULT false,
  dead_since timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE instances (
  id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('api','worker','edge')),
  host_id text,
  started_at timestamptz NOT NULL DEFAULT now(),
  heartbeat_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE swarms (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  name text NOT NULL,
  slug text NOT NULL,
  description text,
  icon text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (org_id, slug)
);

CREATE TABLE agents (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  swarm_id uuid REFERENCES swarms ON DELETE SET NULL,
  created_by uuid REFERENCES users ON DELETE SET NULL,
  name text NOT NULL,
  avatar_url text,
  region text NOT NULL,
  runtime text NOT NULL DEFAULT 'house' CHECK (runtime IN ('house','openclaw')),
  image text NOT NULL,
  config jsonb NOT NULL DEFAULT '{}',
  desired_state text NOT NULL DEFAULT 'running' CHECK (desired_state IN ('running','stopped','deleted')),
  desired_generation int NOT NULL DEFAULT 1,
  restart_generation int NOT NULL DEFAULT 1,
  status text NOT NULL DEFAULT 'provisioning'
    CHECK (status IN ('provisioning','running','stopping','stopped','restarting','error','deleting','deleted')),
  observed_generation int NOT NULL DEFAULT 0,
  observed_restart_generation int NOT NULL DEFAULT 0,
  host_id text REFERENCES hosts,
  epoch bigint NOT NULL DEFAULT 0,
  instance_epoch bigint,
  endpoint text,
  next_attempt_at timestamptz,
  attempts int NOT NULL DEFAULT 0,
  last_error text,
  error_category text,
  event_seq bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  stopped_at timestamptz,
  deleted_at timestamptz
);
CREATE INDEX agents_org_idx ON agents (org_id, created_at DESC, id) WHERE desired_state <> 'deleted';
CREATE INDEX agents_host_idx ON agents (host_id) WHERE status <> 'deleted';
CREATE INDEX agents_swarm_idx ON agents (swarm_id) WHERE swarm_id IS NOT NULL;
CREATE INDEX agents_unsettled_idx ON agents (host_id, next_attempt_at)
  WHERE status <> 'deleted' AND (status <> desired_state OR observed_restart_generation <> restart_generation);
CREATE TABLE agent_files (
  agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
  path text NOT NULL,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  content text NOT NULL,
  sha256 text NOT NULL,
  version int NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (agent_id, path)
);
CREATE TABLE agent_stats (
  agent_id uuid PRIMARY KEY REFERENCES agents ON DELETE CASCADE,
  at timestamptz NOT NULL,
  container_status text NOT NULL,
  memory_bytes bigint,
  memory_limit_bytes bigint,
  cpu_percent real
);
CREATE TABLE secrets (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  owner_kind text NOT NULL CHECK (owner_kind IN ('agent','swarm','organisation')),
  owner_id uuid NOT NULL,
  name text NOT NULL,
  version int NOT NULL DEFAULT 1,
  key_version int NOT NULL,
  ciphertext bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (org_id, owner_kind, owner_id, name)
);
CREATE INDEX secrets_owner_idx ON secrets (owner_kind, owner_id);

CREATE TABLE events (
  thing_kind text NOT NULL,
  thing_id uuid NOT NULL,
  seq bigint NOT NULL,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  type text NOT NULL,
  data jsonb NOT NULL DEFAULT '{}',
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (thing_kind, thing_id, seq)
);
CREATE INDEX events_at_idx ON events (at);
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  queue text NOT NULL,
  job text NOT NULL,
  payload jsonb NOT NULL,
  options jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE chat_sessions (
  id text PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
  owner text NOT NULL,
  peer_id text,
  name text,
  channel text NOT NULL DEFAULT 'api',
  started_at timestamptz NOT NULL DEFAULT now(),
  message_count int NOT NULL DEFAULT 0
);
CREATE INDEX chat_sessions_agent_idx ON chat_sessions (agent_id, started_at DESC, id);
CREATE INDEX chat_sessions_owner_idx ON chat_sessions (agent_id, owner, started_at DESC, id);
CREATE TABLE runs (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
  session_id text NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
  instance_id uuid NOT NULL,
  status text NOT NULL DEFAULT 'running' CHECK (status IN ('running','completed','cancelled','failed','interrupted')),
  on_disconnect text NOT NULL DEFAULT 'cancel' CHECK (on_disconnect IN ('cancel','continue')),
  error_code text,
  error_message text,
  prompt_tokens int,
  completion_tokens int,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);
CREATE UNIQUE INDEX runs_one_per_session ON runs (session_id) WHERE status = 'running';
CREATE INDEX runs_agent_idx ON runs (agent_id, started_at DESC);
CREATE INDEX runs_started_idx ON runs USING brin (started_at);
CREATE INDEX runs_open_idx ON runs (instance_id) WHERE status = 'running';
CREATE TABLE messages (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
  session_id text NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
  run_id uuid REFERENCES runs ON DELETE CASCADE,
  role text NOT NULL CHECK (role IN ('user','assistant','system')),
  content text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX messages_session_idx ON messages (session_id, id);
CREATE INDEX messages_agent_idx ON messages (agent_id, created_at DESC, id DESC);
CREATE INDEX messages_run_idx ON messages (run_id);

CREATE TABLE idempotency_keys (
  caller text NOT NULL,
  key text NOT NULL,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  route text NOT NULL,
  request_hash bytea NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending','done','failed')),
  resource_id uuid NOT NULL,
  response_status int,
  response_body jsonb,
  run_id uuid,
  instance_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_keys_created_idx ON idempotency_keys (created_at);

CREATE UNLOGGED TABLE rate_limits (
  key text PRIMARY KEY,
  slots bigint[] NOT NULL DEFAULT '{}',
  counts int[] NOT NULL DEFAULT '{}',
  updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

CREATE FUNCTION take_rate_limit(p_key text, p_limit bigint, p_window_ms bigint, p_want int)
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
    INSERT INTO rate_limits (key) VALUES (p_key) ON CONFLICT DO NOTHING;
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

CREATE TABLE log_lines (
  id bigint GENERATED ALWAYS AS IDENTITY,
  agent_id uuid NOT NULL,
  at timestamptz NOT NULL,
  level text NOT NULL,
  line text NOT NULL,
  PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX log_lines_agent_idx ON log_lines (agent_id, id);
CREATE TABLE log_cursors (
  agent_id uuid PRIMARY KEY REFERENCES agents ON DELETE CASCADE,
  source text NOT NULL,
  position bigint NOT NULL
);
`;

const DROP = `
DROP FUNCTION IF EXISTS take_rate_limit;
DROP TABLE IF EXISTS log_cursors, log_lines, rate_limits, idempotency_keys, messages, runs, chat_sessions, outbox,
  events, secrets, agent_stats, agent_files, agents, swarms, instances, hosts, api_keys, refresh_tokens,
  login_sessions, invites, memberships, users, organisation_keys, organisations CASCADE;
`;

export class Init1795370400000 implements MigrationInterface {
  readonly name = 'Init1795370400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DROP);
  }
}
