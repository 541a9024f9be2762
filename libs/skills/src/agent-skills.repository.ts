import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import { type Scope, newId, prefixedId } from '#libs/kernel';
import type { InstalledSkill, SkillFile } from './skill.js';
import type { KeyedSkill } from './skills.repository.js';

const INSTALLED = `
  id, skill_id AS "skillId", name, version, trust_level AS "trustLevel", digest, is_enabled AS "isEnabled",
  installed_at AS "installedAt"`;

/** How much an agent's skills are together. */
export interface SkillLoad {
  readonly skills: number;
  readonly files: number;
  readonly bytes: number;
}

/** Rows of `agent_skills`. */
@Injectable()
export class AgentSkillsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Newest first; false when the organisation has no such agent. */
  async list(scope: Scope, agentId: string): Promise<InstalledSkill[] | undefined> {
    const agent = `SELECT 1 FROM agents WHERE org_id = $1 AND id = $2 AND desired_state <> 'deleted'`;
    if ((await this.database.query(agent, [scope.orgId, agentId])).length === 0) return undefined;
    return this.database.query<InstalledSkill>(
      `SELECT ${INSTALLED} FROM agent_skills WHERE org_id = $1 AND agent_id = $2 ORDER BY installed_at DESC, id`,
      [scope.orgId, agentId],
    );
  }

  /** Undefined when the agent has a skill of that name already. */
  async add(
    tx: Tx,
    scope: Scope,
    agentId: string,
    skill: KeyedSkill,
    installedBy: string,
  ): Promise<InstalledSkill | undefined> {
    const [installed] = await tx.query<InstalledSkill>(
      `INSERT INTO agent_skills (id, org_id, agent_id, skill_key, skill_id, name, trust_level, version, digest, installed_by)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (agent_id, skill_id) DO NOTHING RETURNING ${INSTALLED}`,
      [
        prefixedId('as', newId()),
        scope.orgId,
        agentId,
        skill.key,
        skill.id,
        skill.name,
        skill.trustLevel,
        skill.version,
        skill.digest,
        installedBy,
      ],
    );
    return installed;
  }

  /** False when the agent has no such skill. */
  async remove(tx: Tx, scope: Scope, agentId: string, skillId: string): Promise<boolean> {
    const sql = 'DELETE FROM agent_skills WHERE org_id = $1 AND agent_id = $2 AND skill_id = $3 RETURNING 1';
    return (await tx.query(sql, [scope.orgId, agentId, skillId])).length > 0;
  }

  async load(tx: Tx, scope: Scope, agentId: string): Promise<SkillLoad> {
    const [load] = await tx.query<SkillLoad>(
      `SELECT count(*)::int AS skills, coalesce(sum(c.file_count), 0)::int AS files,
              coalesce(sum(c.size_bytes), 0)::int AS bytes
         FROM agent_skills a JOIN skill_contents c USING (digest) WHERE a.org_id = $1 AND a.agent_id = $2`,
      [scope.orgId, agentId],
    );
    return load ?? { skills: 0, files: 0, bytes: 0 };
  }

  /** Agents that have the skill, living or on their way out. */
  async users(tx: Tx, key: string): Promise<number> {
    const sql = 'SELECT count(*)::int AS n FROM agent_skills WHERE skill_key = $1';
    return (await tx.query<{ n: number }>(sql, [key]))[0]?.n ?? 0;
  }

  /** Everything the agent's workspace must have below `skills/`. */
  async files(scope: Scope, agentId: string, on: Sql = this.database): Promise<SkillFile[]> {
    return on.query<SkillFile>(
      `SELECT 'skills/' || a.skill_id || '/' || f.key AS path, f.value AS content
         FROM agent_skills a JOIN skill_contents c USING (digest), jsonb_each_text(c.files) f
        WHERE a.org_id = $1 AND a.agent_id = $2 AND a.is_enabled ORDER BY 1`,
      [scope.orgId, agentId],
    );
  }
}
