import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import type { Page, Scope } from '#libs/kernel';
import type { Agent, AgentUsage, GatewayTarget, ListAgents } from './agent.js';
import { AGENT_COLUMNS, type AgentRow, toAgent } from './agent.row.js';
import type { AgentStatus, Settleable } from './agent.state.js';

const MOST_ROWS = 1000;

const ONE_AGENT = `
  SELECT ${AGENT_COLUMNS}, f.content AS workflow_md,
         ARRAY (SELECT k.name FROM secrets k WHERE k.org_id = a.org_id AND (k.owner_kind, k.owner_id) IN
                  (('agent', a.id), ('swarm', a.swarm_id), ('organisation', a.org_id))) AS secret_names
    FROM agents a
    LEFT JOIN swarms s ON s.id = a.swarm_id
    LEFT JOIN agent_files f ON f.agent_id = a.id AND f.path = 'WORKFLOW.md'
   WHERE a.org_id = $1 AND a.id = $2 AND a.desired_state <> 'deleted'`;

const MANY_AGENTS = `
  WITH matching AS (
    SELECT id, created_at FROM agents
     WHERE org_id = $1 AND desired_state <> 'deleted'
       AND ($2::text[] IS NULL OR status = ANY ($2)) AND ($6::boolean IS NULL OR (paused_at IS NOT NULL) = $6) AND ($3::uuid IS NULL OR swarm_id = $3)
       AND ($7::uuid[] IS NULL OR id = ANY ($7) OR swarm_id = ANY ($7))
  ), page AS (SELECT id FROM matching ORDER BY created_at DESC, id LIMIT $4 OFFSET $5)
  SELECT (SELECT count(*)::int FROM matching) AS total, r.* FROM (SELECT 1) one LEFT JOIN (
    SELECT ${AGENT_COLUMNS} FROM page JOIN agents a USING (id) LEFT JOIN swarms s ON s.id = a.swarm_id
  ) r ON true ORDER BY r.created_at DESC, r.id`;

/**
 * Where a running agent is reached, as SQL for a statement of another domain that starts with this question: agent `$2` of
 * organisation `$1`, the columns of a {@link GatewayTarget}; no row when it does not run.
 */
export const GATEWAY_TARGET_SQL = `
  SELECT a.id AS "agentId", a.host_id AS "hostId", h.edge_url AS "edgeUrl", a.endpoint,
         a.instance_epoch::float8 AS epoch, a.runtime, a.serves_peers AS "servesPeers"
    FROM agents a JOIN hosts h ON h.id = a.host_id
   WHERE a.org_id = $1 AND a.id = $2 AND a.desired_state <> 'deleted' AND a.status = 'running'
     AND h.edge_url IS NOT NULL AND a.endpoint IS NOT NULL AND a.instance_epoch IS NOT NULL`;

const TARGET = `
  SELECT a.status, a.host_id, a.endpoint, a.instance_epoch, a.runtime, a.serves_peers, h.edge_url
    FROM agents a LEFT JOIN hosts h ON h.id = a.host_id
   WHERE a.org_id = $1 AND a.id = $2 AND a.desired_state <> 'deleted'`;

export interface TargetRow {
  readonly status: AgentStatus;
  readonly host_id: string | null;
  readonly endpoint: string | null;
  readonly instance_epoch: string | null;
  readonly runtime: GatewayTarget['runtime'];
  readonly serves_peers: boolean;
  readonly edge_url: string | null;
}

export interface StatsRow {
  readonly container_status: string;
  readonly memory_bytes: string | null;
  readonly memory_limit_bytes: string | null;
  readonly cpu_percent: number | null;
  readonly fresh: boolean;
}

/** What `settle` looks at; deleted agents too, since it waits for them to be gone. */
export interface ProgressRow extends Settleable {
  readonly agent: Agent;
}

/** Reads agents of one organisation; a deleted agent does not exist. */
@Injectable()
export class AgentsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async find(scope: Scope, id: string): Promise<Agent | undefined> {
    const rows = await this.database.named<AgentRow>('agents.one', ONE_AGENT, [scope.orgId, id]);
    return rows[0] && toAgent(rows[0]);
  }

  /** True when another organisation has an agent of this id. */
  async isElsewhere(scope: Scope, id: string): Promise<boolean> {
    const rows = await this.database.query(
      `SELECT 1 FROM agents WHERE id = $2 AND org_id <> $1 AND desired_state <> 'deleted'`,
      [scope.orgId, id],
    );
    return rows.length > 0;
  }

  /** Newest first; of a data scope only what it covers. */
  async list(scope: Scope & { readonly dataScope?: readonly string[] }, query: ListAgents): Promise<Page<Agent>> {
    const limit = Math.min(query.limit ?? MOST_ROWS, MOST_ROWS);
    const statuses = query.status === undefined ? null : [query.status].flat();
    const page = [limit, query.offset ?? 0];
    const filters = [query.paused ?? null, scope.dataScope ?? null];
    const values = [scope.orgId, statuses, query.swarmId ?? null, ...page, ...filters];
    const rows = await this.database.query<AgentRow & { total: number; id: string | null }>(MANY_AGENTS, values);
    return { items: rows.filter((row) => row.id !== null).map(toAgent), total: rows[0]?.total ?? 0 };
  }

  async progress(scope: Scope, id: string): Promise<ProgressRow | undefined> {
    const [row] = await this.database.query<AgentRow & { restart_generation: number; observed_restart: number }>(
      `SELECT ${AGENT_COLUMNS}, a.restart_generation, a.observed_restart_generation AS observed_restart
         FROM agents a LEFT JOIN swarms s ON s.id = a.swarm_id WHERE a.org_id = $1 AND a.id = $2`,
      [scope.orgId, id],
    );
    if (!row) return undefined;
    return {
      agent: toAgent(row),
      status: row.status,
      desiredState: row.desired_state,
      restartGeneration: row.restart_generation,
      observedRestartGeneration: row.observed_restart,
    };
  }

  async target(scope: Scope, id: string): Promise<TargetRow | undefined> {
    return (await this.database.named<TargetRow>('agents.target', TARGET, [scope.orgId, id]))[0];
  }

  /** The last report of the agent's host; undefined when there is none. */
  async stats(scope: Scope, id: string, maxAgeSeconds: number): Promise<StatsRow | undefined> {
    const rows = await this.database.query<StatsRow>(
      `SELECT t.container_status, t.memory_bytes, t.memory_limit_bytes, t.cpu_percent,
              t.at > now() - make_interval(secs => $3) AS fresh
         FROM agent_stats t JOIN agents a ON a.id = t.agent_id WHERE a.org_id = $1 AND a.id = $2`,
      [scope.orgId, id, maxAgeSeconds],
    );
    return rows[0];
  }

  async usage(scope: Scope): Promise<AgentUsage> {
    const rows = await this.database.query<AgentUsage>(
      `SELECT count(*)::int AS agents, count(*) FILTER (WHERE status = 'running')::int AS "runningAgents"
         FROM agents WHERE org_id = $1 AND desired_state <> 'deleted'`,
      [scope.orgId],
    );
    return rows[0] ?? { agents: 0, runningAgents: 0 };
  }
}
