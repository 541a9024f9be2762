import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import { INSTANCE_DEAD_AFTER_SECONDS } from '#libs/instances';
import { type Page, type PageRequest, type Scope, newId } from '#libs/kernel';
import type { TeamRun, TeamStep } from './orchestration.js';
import type { NextStep } from './strategies.js';

/** Tries of one step before it has failed. */
export const MOST_ATTEMPTS = 3;

const STEP = `
  t.id, t.run_id AS "runId", t.agent_id AS "agentId", t.kind, t.round, t.position, t.prompt, t.status, t.attempts, t.output,
  t.error_code AS "errorCode", t.error_message AS "errorMessage", t.input_tokens AS "inputTokens",
  t.output_tokens AS "outputTokens", t.cost_micro_usd::float8 AS "costMicroUsd", t.started_at AS "startedAt",
  t.finished_at AS "finishedAt"`;

const RUN = `
  r.id, r.swarm_id AS "swarmId", r.strategy, r.status, r.result, r.error_code AS "errorCode", r.error_message AS "errorMessage",
  r.started_by AS "startedBy", r.started_at AS "startedAt", r.finished_at AS "finishedAt", t.*`;

const TOTALS = `
  LATERAL (SELECT count(*)::int AS steps, coalesce(sum(input_tokens), 0)::int AS "inputTokens",
                  coalesce(sum(output_tokens), 0)::int AS "outputTokens",
                  coalesce(sum(cost_micro_usd), 0)::float8 AS "costMicroUsd" FROM swarm_steps WHERE run_id = r.id) t`;

/** Only while its swarm is running: a paused one finishes what is under way and begins nothing. */
const CLAIM = `
  UPDATE swarm_steps t SET status = 'running', instance_id = $2, attempts = t.attempts + 1, epoch = t.epoch + 1,
         started_at = clock_timestamp()
    FROM swarm_runs r JOIN swarms s ON s.id = r.swarm_id
   WHERE t.id = $1 AND t.status = 'ready' AND t.next_attempt_at <= clock_timestamp() AND r.id = t.run_id
     AND r.status = 'running' AND s.status = 'running'
  RETURNING ${STEP}, t.org_id AS "orgId", t.epoch`;

/** A dead worker's step is tried again, unless it has had its tries. */
const FREE_DEAD = `
  UPDATE swarm_steps t SET instance_id = NULL, next_attempt_at = clock_timestamp(), epoch = epoch + 1,
         status = CASE WHEN attempts < ${MOST_ATTEMPTS} THEN 'ready' ELSE 'failed' END,
         error_code = 'interrupted', error_message = 'The worker died while the agent was answering',
         finished_at = CASE WHEN attempts < ${MOST_ATTEMPTS} THEN NULL ELSE clock_timestamp() END
   WHERE t.status = 'running' AND NOT EXISTS (
           SELECT 1 FROM instances i WHERE i.id = t.instance_id
              AND GREATEST(i.heartbeat_at, pg_postmaster_start_time()) > now() - make_interval(secs => $1))
  RETURNING 1`;

const DUE = `
  SELECT t.id FROM swarm_steps t JOIN swarm_runs r ON r.id = t.run_id JOIN swarms s ON s.id = r.swarm_id
   WHERE t.status = 'ready' AND t.next_attempt_at <= clock_timestamp() - interval '1 second' AND r.status = 'running'
     AND s.status = 'running' ORDER BY t.next_attempt_at LIMIT $1`;

/** Runs that nobody has looked at for a while and that have nothing under way. */
const IDLE = `
  UPDATE swarm_runs r SET looked_at = clock_timestamp() WHERE r.id IN (
    SELECT r.id FROM swarm_runs r JOIN swarms s ON s.id = r.swarm_id
     WHERE r.status = 'running' AND s.status = 'running' AND r.looked_at < clock_timestamp() - interval '5 seconds'
       AND NOT EXISTS (SELECT 1 FROM swarm_steps t WHERE t.run_id = r.id AND t.status IN ('ready','running'))
     ORDER BY r.looked_at LIMIT $1 FOR UPDATE OF r SKIP LOCKED) RETURNING r.id`;

/** A step that this process has taken for work; every write names its epoch. */
export interface ClaimedStep extends TeamStep {
  readonly orgId: string;
  readonly epoch: number;
}

export interface StepEnd {
  readonly status: 'completed' | 'failed' | 'ready';
  readonly output?: string;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costMicroUsd: number;
  /** Before it is tried again. */
  readonly waitMs: number;
}

/** Rows of `swarm_runs` and `swarm_steps`. */
@Injectable()
export class TeamRunsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async insert(tx: Tx, scope: Scope, run: Pick<TeamRun, 'id' | 'swarmId' | 'strategy' | 'startedBy'>): Promise<void> {
    await tx.query('INSERT INTO swarm_runs (id, org_id, swarm_id, strategy, started_by) VALUES ($1, $2, $3, $4, $5)', [
      run.id,
      scope.orgId,
      run.swarmId,
      run.strategy,
      run.startedBy,
    ]);
  }

  /** The run of a swarm that is not over. */
  async open(tx: Sql, scope: Scope, swarmId: string): Promise<string | undefined> {
    const rows = await tx.query<{ id: string }>(
      `SELECT id FROM swarm_runs WHERE org_id = $1 AND swarm_id = $2 AND status = 'running'`,
      [scope.orgId, swarmId],
    );
    return rows[0]?.id;
  }

  /** Newest first. */
  async list(scope: Scope, swarmId: string, { limit, offset }: PageRequest): Promise<Page<TeamRun>> {
    const rows = await this.database.query<TeamRun & { total: number }>(
      `SELECT ${RUN}, count(*) OVER ()::int AS total FROM swarm_runs r, ${TOTALS}
        WHERE r.org_id = $1 AND r.swarm_id = $2 ORDER BY r.started_at DESC, r.id LIMIT $3 OFFSET $4`,
      [scope.orgId, swarmId, limit, offset],
    );
    return { items: rows, total: rows[0]?.total ?? 0 };
  }

  async find(scope: Scope, swarmId: string, id: string): Promise<TeamRun | undefined> {
    const rows = await this.database.query<TeamRun>(
      `SELECT ${RUN} FROM swarm_runs r, ${TOTALS} WHERE r.org_id = $1 AND r.swarm_id = $2 AND r.id = $3`,
      [scope.orgId, swarmId, id],
    );
    return rows[0];
  }

  /** In the order in which they were planned. */
  steps(runId: string, on: Sql = this.database): Promise<TeamStep[]> {
    return on.query<TeamStep>(
      `SELECT ${STEP} FROM swarm_steps t WHERE t.run_id = $1
        ORDER BY t.round, array_position(ARRAY['plan','proposal','work','review','vote'], t.kind), t.position`,
      [runId],
    );
  }

  /** Locks a run until `tx` ends; undefined when it is over. */
  async lock(
    tx: Tx,
    runId: string,
  ): Promise<{ orgId: string; swarmId: string; strategy: TeamRun['strategy'] } | undefined> {
    const rows = await tx.query<{ orgId: string; swarmId: string; strategy: TeamRun['strategy'] }>(
      `UPDATE swarm_runs SET looked_at = clock_timestamp() WHERE id = $1 AND status = 'running'
       RETURNING org_id AS "orgId", swarm_id AS "swarmId", strategy`,
      [runId],
    );
    return rows[0];
  }

  /** @returns the ids of those that were not planned already. */
  async add(tx: Tx, scope: Scope, runId: string, steps: readonly NextStep[]): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(
      `INSERT INTO swarm_steps (id, run_id, org_id, agent_id, kind, round, position, prompt)
       SELECT s.id, $1, $2, s."agentId", s.kind, s.round, s.position, s.prompt
         FROM jsonb_to_recordset($3::jsonb) AS s (id uuid, "agentId" uuid, kind text, round int, position int, prompt text)
       ON CONFLICT (run_id, round, kind, position) DO NOTHING RETURNING id`,
      [runId, scope.orgId, JSON.stringify(steps.map((step) => ({ ...step, id: newId() })))],
    );
    return rows.map(({ id }) => id);
  }

  async finish(
    tx: Tx,
    runId: string,
    end: Pick<TeamRun, 'status' | 'result' | 'errorCode' | 'errorMessage'>,
  ): Promise<void> {
    await tx.query(
      `UPDATE swarm_runs SET status = $2, result = $3, error_code = $4, error_message = $5, finished_at = clock_timestamp()
        WHERE id = $1 AND status = 'running'`,
      [runId, end.status, end.result, end.errorCode, end.errorMessage],
    );
  }

  async claim(stepId: string, instanceId: string): Promise<ClaimedStep | undefined> {
    return (await this.database.query<ClaimedStep>(CLAIM, [stepId, instanceId]))[0];
  }

  async bind({ id, epoch }: ClaimedStep, chatRunId: string): Promise<void> {
    await this.database.query('UPDATE swarm_steps SET chat_run_id = $3 WHERE id = $1 AND epoch = $2', [
      id,
      epoch,
      chatRunId,
    ]);
  }

  /** Writes nothing when the claim was lost. */
  async end({ id, epoch }: ClaimedStep, end: StepEnd): Promise<void> {
    const { status, output = null, errorCode = null, errorMessage = null } = end;
    await this.database.query(
      `UPDATE swarm_steps SET status = $3, output = $4, error_code = $5, error_message = $6, instance_id = NULL,
              input_tokens = input_tokens + $7, output_tokens = output_tokens + $8, cost_micro_usd = cost_micro_usd + $9,
              next_attempt_at = clock_timestamp() + make_interval(secs => $10::float8 / 1000),
              finished_at = CASE WHEN $3 = 'ready' THEN NULL ELSE clock_timestamp() END
        WHERE id = $1 AND epoch = $2 AND status = 'running'`,
      [
        id,
        epoch,
        status,
        output,
        errorCode,
        errorMessage,
        end.inputTokens,
        end.outputTokens,
        end.costMicroUsd,
        end.waitMs,
      ],
    );
  }

  async freeDead(): Promise<number> {
    return (await this.database.query(FREE_DEAD, [INSTANCE_DEAD_AFTER_SECONDS])).length;
  }

  async dueSteps(limit: number): Promise<string[]> {
    return (await this.database.query<{ id: string }>(DUE, [limit])).map(({ id }) => id);
  }

  async idleRuns(limit: number): Promise<string[]> {
    return (await this.database.query<{ id: string }>(IDLE, [limit])).map(({ id }) => id);
  }

  /** Deletes up to `limit` runs that ended before then, with their steps. */
  async deleteBefore(before: Date, limit: number): Promise<number> {
    const rows = await this.database.query(
      'DELETE FROM swarm_runs WHERE id IN (SELECT id FROM swarm_runs WHERE finished_at < $1 LIMIT $2) RETURNING 1',
      [before, limit],
    );
    return rows.length;
  }
}
