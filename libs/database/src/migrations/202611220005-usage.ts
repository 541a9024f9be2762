import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = `
CREATE TABLE budgets (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  scope_kind text NOT NULL CHECK (scope_kind IN ('organisation','swarm','agent')),
  scope_id uuid NOT NULL,
  day_limit_micro_usd bigint CHECK (day_limit_micro_usd >= 0),
  day_limit_tokens bigint CHECK (day_limit_tokens >= 0),
  month_limit_micro_usd bigint CHECK (month_limit_micro_usd >= 0),
  month_limit_tokens bigint CHECK (month_limit_tokens >= 0),
  soft_limit_percent smallint CHECK (soft_limit_percent BETWEEN 1 AND 100),
  day date NOT NULL,
  day_used_micro_usd bigint NOT NULL DEFAULT 0,
  day_used_tokens bigint NOT NULL DEFAULT 0,
  day_held_micro_usd bigint NOT NULL DEFAULT 0,
  day_held_tokens bigint NOT NULL DEFAULT 0,
  day_soft_at timestamptz,
  day_hard_at timestamptz,
  month_used_micro_usd bigint NOT NULL DEFAULT 0,
  month_used_tokens bigint NOT NULL DEFAULT 0,
  month_held_micro_usd bigint NOT NULL DEFAULT 0,
  month_held_tokens bigint NOT NULL DEFAULT 0,
  month_soft_at timestamptz,
  month_hard_at timestamptz,
  event_seq bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by text,
  UNIQUE (org_id, scope_kind, scope_id)
) WITH (fillfactor = 50);
CREATE TABLE usage_reservations (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  swarm_id uuid,
  instance_id uuid NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  day date NOT NULL,
  held_micro_usd bigint NOT NULL,
  held_tokens bigint NOT NULL,
  input_tokens bigint NOT NULL,
  counted_output_tokens bigint NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 70);
CREATE INDEX usage_reservations_org_idx ON usage_reservations (org_id);
CREATE TABLE usage_daily (
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  day date NOT NULL,
  agent_id uuid NOT NULL,
  swarm_id uuid,
  provider text NOT NULL,
  model text NOT NULL,
  calls bigint NOT NULL DEFAULT 0,
  estimated_calls bigint NOT NULL DEFAULT 0,
  unpriced_calls bigint NOT NULL DEFAULT 0,
  input_tokens bigint NOT NULL DEFAULT 0,
  cached_input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  cost_micro_usd bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX usage_daily_key ON usage_daily
  (org_id, day, agent_id, coalesce(swarm_id, '00000000-0000-0000-0000-000000000000'), provider, model);
CREATE INDEX usage_daily_day_idx ON usage_daily (day);
`;

const LOCKED_BUDGETS = `org_id = p_org
     AND (scope_kind, scope_id) IN (('organisation', p_org), ('swarm', p_swarm), ('agent', p_agent))`;

/**
 * Takes from every budget of a call what the call may need at most, or says which budget refuses. Without waiting for the
 * disk, see adr 5. `p_price_…` are micro-USD a million tokens, null where the model has no price.
 */
const RESERVE = `
CREATE FUNCTION reserve_usage(
  p_allowed boolean, p_id uuid, p_org uuid, p_agent uuid, p_swarm uuid, p_instance uuid, p_provider text, p_model text,
  p_input bigint, p_asked bigint, p_least bigint, p_price_in bigint, p_price_out bigint,
  OUT outcome text, OUT cap bigint, OUT budget_id uuid, OUT scope_kind text, OUT scope_id uuid, OUT period text,
  OUT unit text, OUT most bigint, OUT used bigint, OUT held bigint, OUT period_start date, OUT noted boolean
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_day date;
  v_oldest date;
  v_found int;
  v_bound boolean := false;
  v_line record;
  v_room numeric;
  v_cap numeric := p_asked;
  v_micro bigint;
  v_tokens bigint;
BEGIN
  IF p_allowed IS NOT TRUE THEN
    outcome := 'skipped';
    RETURN;
  END IF;
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('usage:' || p_org, 0));
  SELECT max(locked.day), min(locked.day), count(*) INTO v_day, v_oldest, v_found FROM (
    SELECT day FROM budgets WHERE ${LOCKED_BUDGETS} ORDER BY scope_kind, scope_id FOR UPDATE
  ) locked;
  v_day := greatest(v_day, (clock_timestamp() AT TIME ZONE 'UTC')::date);
  IF v_oldest < v_day THEN
    UPDATE budgets SET day = v_day, day_used_micro_usd = 0, day_used_tokens = 0, day_held_micro_usd = 0,
           day_held_tokens = 0, day_soft_at = NULL, day_hard_at = NULL
     WHERE ${LOCKED_BUDGETS} AND day < v_day AND date_trunc('month', day) = date_trunc('month', v_day);
    UPDATE budgets SET day = v_day, day_used_micro_usd = 0, day_used_tokens = 0, day_held_micro_usd = 0,
           day_held_tokens = 0, day_soft_at = NULL, day_hard_at = NULL, month_used_micro_usd = 0,
           month_used_tokens = 0, month_held_micro_usd = 0, month_held_tokens = 0, month_soft_at = NULL,
           month_hard_at = NULL
     WHERE ${LOCKED_BUDGETS} AND day < v_day;
  END IF;
  IF v_found > 0 THEN
    FOR v_line IN
      SELECT b.id, b.scope_kind, b.scope_id, l.* FROM budgets b CROSS JOIN LATERAL (VALUES
        ('month', 'usd', b.month_limit_micro_usd, b.month_used_micro_usd, b.month_held_micro_usd, b.month_hard_at),
        ('month', 'tokens', b.month_limit_tokens, b.month_used_tokens, b.month_held_tokens, b.month_hard_at),
        ('day', 'usd', b.day_limit_micro_usd, b.day_used_micro_usd, b.day_held_micro_usd, b.day_hard_at),
        ('day', 'tokens', b.day_limit_tokens, b.day_used_tokens, b.day_held_tokens, b.day_hard_at)
      ) l(period, unit, most, used, held, hard_at)
      WHERE ${LOCKED_BUDGETS.replaceAll('org_id', 'b.org_id').replaceAll('(scope_kind, scope_id)', '(b.scope_kind, b.scope_id)')}
        AND l.most IS NOT NULL
    LOOP
      v_room := v_line.most - v_line.used - v_line.held;
      IF v_line.unit = 'tokens' THEN
        v_room := v_room - p_input;
      ELSIF p_price_out > 0 THEN
        v_room := floor((v_room * 1000000 - p_input::numeric * p_price_in) / p_price_out);
      ELSE
        v_room := CASE WHEN v_room * 1000000 < p_input::numeric * p_price_in THEN -1 ELSE p_asked END;
      END IF;
      v_bound := v_bound OR v_line.unit = 'tokens' OR p_price_out > 0;
      IF v_room < p_least THEN
        outcome := 'refused';
        budget_id := v_line.id;
        scope_kind := v_line.scope_kind;
        scope_id := v_line.scope_id;
        period := v_line.period;
        unit := v_line.unit;
        most := v_line.most;
        used := v_line.used;
        held := v_line.held;
        noted := v_line.hard_at IS NOT NULL;
        period_start := date_trunc(v_line.period, v_day)::date;
        RETURN;
      END IF;
      v_cap := least(v_cap, v_room);
    END LOOP;
  END IF;
  v_tokens := p_input + v_cap;
  v_micro := coalesce(ceil((p_input::numeric * p_price_in + v_cap * p_price_out) / 1000000), 0);
  IF v_found > 0 THEN
    UPDATE budgets SET day_held_micro_usd = day_held_micro_usd + v_micro, day_held_tokens = day_held_tokens + v_tokens,
           month_held_micro_usd = month_held_micro_usd + v_micro, month_held_tokens = month_held_tokens + v_tokens
     WHERE ${LOCKED_BUDGETS};
  END IF;
  INSERT INTO usage_reservations
    (id, org_id, agent_id, swarm_id, instance_id, provider, model, day, held_micro_usd, held_tokens, input_tokens)
  VALUES (p_id, p_org, p_agent, p_swarm, p_instance, p_provider, p_model, v_day, v_micro, v_tokens, p_input);
  outcome := 'reserved';
  cap := CASE WHEN v_bound THEN v_cap END;
END $$;
`;

/**
 * Gives back what a call had taken and, unless it was free (`p_metered` false), counts what it used. A call that was
 * settled before changes nothing. Answers with the budgets whose soft limit is reached and not yet told.
 */
const SETTLE = `
CREATE FUNCTION settle_usage(
  p_id uuid, p_metered boolean, p_estimated boolean, p_priced boolean,
  p_input bigint, p_cached bigint, p_output bigint, p_micro bigint
) RETURNS TABLE (reached_budget uuid, reached_org uuid, reached_period text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  r usage_reservations;
  p_org uuid;
  p_swarm uuid;
  p_agent uuid;
  v_micro bigint := CASE WHEN p_metered THEN p_micro ELSE 0 END;
  v_tokens bigint := CASE WHEN p_metered THEN p_input + p_output ELSE 0 END;
BEGIN
  DELETE FROM usage_reservations WHERE id = p_id RETURNING * INTO r;
  IF r.id IS NULL THEN RETURN; END IF;
  p_org := r.org_id;
  p_swarm := r.swarm_id;
  p_agent := r.agent_id;
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('usage:' || p_org, 0));
  PERFORM 1 FROM budgets WHERE ${LOCKED_BUDGETS} ORDER BY scope_kind, scope_id FOR UPDATE;
  UPDATE budgets SET
    day_held_micro_usd = day_held_micro_usd - r.held_micro_usd, day_held_tokens = day_held_tokens - r.held_tokens,
    day_used_micro_usd = day_used_micro_usd + v_micro, day_used_tokens = day_used_tokens + v_tokens
   WHERE ${LOCKED_BUDGETS} AND day = r.day;
  UPDATE budgets SET
    month_held_micro_usd = month_held_micro_usd - r.held_micro_usd,
    month_held_tokens = month_held_tokens - r.held_tokens,
    month_used_micro_usd = month_used_micro_usd + v_micro, month_used_tokens = month_used_tokens + v_tokens
   WHERE ${LOCKED_BUDGETS} AND date_trunc('month', day) = date_trunc('month', r.day);
  IF p_metered THEN
    INSERT INTO usage_daily AS u (org_id, day, agent_id, swarm_id, provider, model, calls, estimated_calls,
      unpriced_calls, input_tokens, cached_input_tokens, output_tokens, cost_micro_usd)
    SELECT r.org_id, r.day, r.agent_id, r.swarm_id, r.provider, r.model, 1, p_estimated::int, (NOT p_priced)::int,
           p_input, p_cached, p_output, p_micro
     WHERE EXISTS (SELECT FROM organisations WHERE id = r.org_id)
    ON CONFLICT (org_id, day, agent_id, coalesce(swarm_id, '00000000-0000-0000-0000-000000000000'), provider, model)
    DO UPDATE SET calls = u.calls + 1, estimated_calls = u.estimated_calls + excluded.estimated_calls,
      unpriced_calls = u.unpriced_calls + excluded.unpriced_calls, input_tokens = u.input_tokens + excluded.input_tokens,
      cached_input_tokens = u.cached_input_tokens + excluded.cached_input_tokens,
      output_tokens = u.output_tokens + excluded.output_tokens, cost_micro_usd = u.cost_micro_usd + excluded.cost_micro_usd;
  END IF;
  RETURN QUERY
    SELECT id, org_id, 'day' FROM budgets WHERE ${LOCKED_BUDGETS} AND day = r.day AND day_soft_at IS NULL
       AND (day_used_micro_usd * 100::numeric >= day_limit_micro_usd * soft_limit_percent::numeric
         OR day_used_tokens * 100::numeric >= day_limit_tokens * soft_limit_percent::numeric)
    UNION ALL
    SELECT id, org_id, 'month' FROM budgets WHERE ${LOCKED_BUDGETS} AND month_soft_at IS NULL
       AND date_trunc('month', day) = date_trunc('month', r.day)
       AND (month_used_micro_usd * 100::numeric >= month_limit_micro_usd * soft_limit_percent::numeric
         OR month_used_tokens * 100::numeric >= month_limit_tokens * soft_limit_percent::numeric);
END $$;
`;

const DOWN = `
DROP FUNCTION IF EXISTS settle_usage, reserve_usage;
DROP TABLE IF EXISTS usage_daily, usage_reservations, budgets;
`;

/** What model calls use, by organisation, agent, swarm, model and UTC day, and the budgets that hold it. */
export class Usage1795398000000 implements MigrationInterface {
  readonly name = 'Usage1795398000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES + RESERVE + SETTLE);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
