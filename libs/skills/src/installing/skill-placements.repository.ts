import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { Notices } from '#libs/events';
import type { GatewayTarget } from '#libs/gateway-client';
import { JobRinger } from '#libs/queue';
import type { Scope } from '#libs/kernel';
import { PLACE_SKILLS } from '../skills.jobs.js';
import { NOT_DISABLED } from '../disabling/disabled-digests.repository.js';
import type { ClaimingHost } from './skill-installs.repository.js';

/** Notice that folders were placed; the key is the agent's id. */
export const PLACED_TOPIC = 'skill-placed';

const ON_HOST = `JOIN agents a ON a.id = p.agent_id JOIN hosts h ON h.id = a.host_id AND h.id = $1 AND h.incarnation = $2`;

/** That the folder of a skill in a workspace has to be made what `agent_skills` says. */
export interface Placement {
  readonly agentId: string;
  readonly orgId: string;
  readonly skillId: string;
  /** Raised by everybody who wants it anew. */
  readonly seq: string;
  readonly attempts: number;
  readonly image: string;
  readonly isDeleted: boolean;
}

/** What a running agent is not to have any more, and where it is told so. */
export interface Removals extends GatewayTarget {
  readonly skills: readonly string[];
}

/** Rows of `skill_placements`. */
@Injectable()
export class SkillPlacementsRepository {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(JobRinger) private readonly ringer: JobRinger,
  ) {}

  /** Has the folders placed by the hosts of these agents; those without a host get theirs with their first instance. */
  async order(tx: Tx, agentIds: readonly string[], skillId: string): Promise<void> {
    await tx.query(
      `INSERT INTO skill_placements (agent_id, skill_id, org_id)
       SELECT id, $2, org_id FROM agents WHERE id = ANY ($1::uuid[]) AND host_id IS NOT NULL AND status <> 'deleted' ORDER BY id
       ON CONFLICT (agent_id, skill_id) DO UPDATE SET seq = skill_placements.seq + 1, attempts = 0, next_attempt_at = now()`,
      [agentIds, skillId],
    );
    const hosts = await tx.query<{ id: string; incarnation: number }>(
      'SELECT id, incarnation FROM hosts WHERE id IN (SELECT host_id FROM agents WHERE id = ANY ($1::uuid[]))',
      [agentIds],
    );
    for (const { id, incarnation } of hosts) await this.ringer.ring(tx, PLACE_SKILLS, { incarnation }, { hostId: id });
  }

  /** Agents of this host with something due. */
  async dueAgents({ id, incarnation }: ClaimingHost, busy: readonly string[], limit: number): Promise<string[]> {
    const rows = await this.database.query<{ agentId: string }>(
      `SELECT p.agent_id AS "agentId" FROM skill_placements p ${ON_HOST}
        WHERE p.next_attempt_at <= now() AND p.agent_id <> ALL ($3::uuid[])
        GROUP BY p.agent_id ORDER BY min(p.next_attempt_at) LIMIT $4`,
      [id, incarnation, busy, limit],
    );
    return rows.map(({ agentId }) => agentId);
  }

  /** What is to be placed for an agent of this host, due or not. */
  of({ id, incarnation }: ClaimingHost, agentId: string): Promise<Placement[]> {
    return this.database.query<Placement>(
      `SELECT p.agent_id AS "agentId", p.org_id AS "orgId", p.skill_id AS "skillId", p.seq, p.attempts, a.image,
              a.desired_state = 'deleted' AS "isDeleted"
         FROM skill_placements p ${ON_HOST} WHERE p.agent_id = $3 ORDER BY p.skill_id`,
      [id, incarnation, agentId],
    );
  }

  /** Folders to be taken from an agent of this host; undefined when there are none, or it does not run. */
  async removals({ id, incarnation }: ClaimingHost, agentId: string): Promise<Removals | undefined> {
    const [row] = await this.database.query<Removals>(
      `SELECT a.id AS "agentId", h.id AS "hostId", h.edge_url AS "edgeUrl", a.endpoint, a.instance_epoch::float8 AS epoch,
              array_agg(p.skill_id) AS skills
         FROM skill_placements p ${ON_HOST}
        WHERE p.agent_id = $3 AND a.status = 'running' AND a.desired_state <> 'deleted'
          AND h.edge_url IS NOT NULL AND a.endpoint IS NOT NULL AND a.instance_epoch IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM agent_skills a
                           WHERE a.agent_id = p.agent_id AND a.skill_id = p.skill_id AND a.is_enabled AND ${NOT_DISABLED})
        GROUP BY a.id, h.id`,
      [id, incarnation, agentId],
    );
    return row;
  }

  /** Leaves one that was wanted anew meanwhile. */
  async done({ agentId, skillId, seq }: Placement): Promise<void> {
    const sql = 'DELETE FROM skill_placements WHERE agent_id = $1 AND skill_id = $2 AND seq = $3';
    await this.database.query(sql, [agentId, skillId, seq]);
    this.notices.notify(PLACED_TOPIC, agentId);
  }

  async failed({ agentId, skillId, seq }: Placement, message: string, retrySeconds: number): Promise<void> {
    await this.database.query(
      `UPDATE skill_placements SET attempts = attempts + 1, error = $4, next_attempt_at = now() + make_interval(secs => $5)
        WHERE agent_id = $1 AND skill_id = $2 AND seq = $3`,
      [agentId, skillId, seq, message, retrySeconds],
    );
  }

  async isOpen(scope: Scope, agentId: string, skillId: string): Promise<boolean> {
    const sql = 'SELECT 1 FROM skill_placements WHERE org_id = $1 AND agent_id = $2 AND skill_id = $3';
    return (await this.database.query(sql, [scope.orgId, agentId, skillId])).length > 0;
  }
}
