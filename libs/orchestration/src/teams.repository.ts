import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import type { Page, Scope } from '#libs/kernel';
import type { ListTeams, Team, TeamStatus, UpdateTeam } from './orchestration.js';

const TEAM = `
  s.id, s.name, s.description, s.strategy, s.goal, s.status, s.user_id AS "userId", s.configuration,
  s.error_message AS "errorMessage", s.created_at AS "createdAt", s.updated_at AS "updatedAt", s.started_at AS "startedAt",
  s.paused_at AS "pausedAt", s.stopped_at AS "stoppedAt",
  ARRAY (SELECT a.id FROM agents a WHERE a.swarm_id = s.id AND a.desired_state <> 'deleted'
          ORDER BY a.created_at, a.id LIMIT 1000) AS "agentIds"`;

const LIST = `
  WITH matching AS (SELECT * FROM swarms s WHERE s.org_id = $1 AND ($2::text IS NULL OR s.status = $2)),
       page AS (SELECT * FROM matching ORDER BY created_at DESC, id LIMIT $3 OFFSET $4)
  SELECT (SELECT count(*)::int FROM matching) AS total, r.* FROM (SELECT 1) one LEFT JOIN (
    SELECT ${TEAM} FROM page s
  ) r ON true ORDER BY r."createdAt" DESC, r.id`;

const PLAN = `
  UPDATE swarms SET strategy = coalesce($3, strategy), goal = coalesce($4, goal), configuration = coalesce($5, configuration),
         user_id = coalesce(user_id, $6), updated_at = greatest(clock_timestamp(), updated_at + interval '1 ms')
   WHERE org_id = $1 AND id = $2`;

const TO_STATUS = `
  UPDATE swarms SET status = $3, error_message = $4,
         started_at = CASE WHEN $3 = 'running' AND status IN ('idle','failed') THEN clock_timestamp() ELSE started_at END,
         paused_at = CASE WHEN $3 = 'paused' THEN clock_timestamp() WHEN $3 = 'running' THEN NULL ELSE paused_at END,
         stopped_at = CASE WHEN $3 IN ('idle','failed','stopped') THEN clock_timestamp() WHEN $3 = 'running' THEN NULL ELSE stopped_at END,
         updated_at = greatest(clock_timestamp(), updated_at + interval '1 ms')
   WHERE org_id = $1 AND id = $2`;

/** Rows of `swarms` as teams with a goal. */
@Injectable()
export class TeamsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Newest first. */
  async list(scope: Scope, query: ListTeams): Promise<Page<Team>> {
    const values = [scope.orgId, query.status ?? null, query.limit, query.offset];
    const rows = await this.database.query<Team & { total: number }>(LIST, values);
    return { items: rows.filter(({ id }) => id !== null), total: rows[0]?.total ?? 0 };
  }

  async find(scope: Scope, id: string, on: Sql = this.database): Promise<Team | undefined> {
    const sql = `SELECT ${TEAM} FROM swarms s WHERE s.org_id = $1 AND s.id = $2`;
    return (await on.query<Team>(sql, [scope.orgId, id]))[0];
  }

  /** Locks it until `tx` ends. */
  async lock(tx: Tx, scope: Scope, id: string): Promise<Team | undefined> {
    await tx.query('SELECT 1 FROM swarms WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE', [scope.orgId, id]);
    return this.find(scope, id, tx);
  }

  async plan(scope: Scope, id: string, plan: UpdateTeam, userId?: string): Promise<void> {
    const { strategy, goal, configuration } = plan;
    const values = [strategy ?? null, goal ?? null, configuration ?? null, userId ?? null];
    await this.database.query(PLAN, [scope.orgId, id, ...values]);
  }

  async setStatus(tx: Tx, scope: Scope, id: string, status: TeamStatus, error: string | null = null): Promise<void> {
    await tx.query(TO_STATUS, [scope.orgId, id, status, error]);
  }

  /** Which of these agents the organisation has. */
  async existing(scope: Scope, agentIds: readonly string[]): Promise<Set<string>> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM agents WHERE org_id = $1 AND id = ANY ($2::uuid[]) AND desired_state <> 'deleted'`,
      [scope.orgId, agentIds],
    );
    return new Set(rows.map(({ id }) => id));
  }

  names(scope: Scope, agentIds: readonly string[]): Promise<{ id: string; name: string }[]> {
    return this.database.query(
      `SELECT id, name FROM agents WHERE org_id = $1 AND id = ANY ($2::uuid[]) ORDER BY created_at, id`,
      [scope.orgId, agentIds],
    );
  }
}
