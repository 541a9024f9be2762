import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import { type Scope, newId, prefixedId } from '#libs/kernel';
import { NOT_DISABLED } from './disabling/disabled-digests.repository.js';
import type { FormerSkill } from './installing/skill-install.js';
import type { InstalledSkill } from './skill.js';
import type { SkillTools } from './skill-tools.js';
import type { KeyedSkill } from './skills.repository.js';

const INSTALLED = `
  id, skill_key AS "skillKey", skill_id AS "skillId", name, version, trust_level AS "trustLevel", digest, is_enabled AS "isEnabled",
  coalesce((SELECT c.scan ->> 'verdict' FROM skill_contents c WHERE c.digest = agent_skills.digest), 'pass') AS verdict,
  state, disabled_at AS "disabledAt", manual, installed_at AS "installedAt"`;

/** How much an agent's skills are together. */
export interface SkillLoad {
  readonly skills: number;
  readonly files: number;
  readonly bytes: number;
}

/** An agent whose skills are changed. */
export interface SkilledAgent {
  readonly status: string;
  /** Null: nobody runs it yet. */
  readonly hostId: string | null;
  readonly incarnation: number | null;
}

/** What an installation gives an agent. */
export interface EnabledContent {
  readonly skillId: string;
  readonly skillKey: string;
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly tools: SkillTools;
}

/** What one skill of an agent consists of: texts by path. */
export interface SkillContent {
  readonly skillId: string;
  readonly digest: string;
  readonly files: Readonly<Record<string, string>>;
}

interface SwitchedRow {
  readonly agentId: string;
  readonly skillId: string;
}

/** Agents whose content was disabled or enabled; what it says it is called is the same on all of them. */
export interface SwitchedSkills {
  readonly skillId: string | undefined;
  readonly agentIds: readonly string[];
}

const switched = (rows: readonly SwitchedRow[]): SwitchedSkills => ({
  skillId: rows[0]?.skillId,
  agentIds: rows.map(({ agentId }) => agentId),
});

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

  async find(
    scope: Scope,
    agentId: string,
    skillId: string,
    on: Sql = this.database,
  ): Promise<InstalledSkill | undefined> {
    const sql = `SELECT ${INSTALLED} FROM agent_skills WHERE org_id = $1 AND agent_id = $2 AND skill_id = $3`;
    return (await on.query<InstalledSkill>(sql, [scope.orgId, agentId, skillId]))[0];
  }

  /** Makes those who change the skills of one agent take turns until `tx` ends; undefined when there is no such agent. */
  async hold(tx: Tx, scope: Scope, agentId: string): Promise<SkilledAgent | undefined> {
    const [agent] = await tx.query<SkilledAgent>(
      `SELECT a.status, a.host_id AS "hostId", h.incarnation FROM agents a LEFT JOIN hosts h ON h.id = a.host_id
        WHERE a.org_id = $1 AND a.id = $2 AND a.desired_state <> 'deleted' FOR NO KEY UPDATE OF a`,
      [scope.orgId, agentId],
    );
    return agent;
  }

  async isRunning(scope: Scope, agentId: string): Promise<boolean> {
    const sql = `SELECT 1 FROM agents WHERE org_id = $1 AND id = $2 AND status = 'running'`;
    return (await this.database.query(sql, [scope.orgId, agentId])).length > 0;
  }

  /** Not enabled yet. Undefined when the agent has a skill of that name already. */
  async add(
    tx: Tx,
    scope: Scope,
    agentId: string,
    skill: KeyedSkill,
    installedBy: string,
  ): Promise<InstalledSkill | undefined> {
    const [installed] = await tx.query<InstalledSkill>(
      `INSERT INTO agent_skills (id, org_id, agent_id, skill_key, skill_id, name, trust_level, version, digest, installed_by, is_enabled, state)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, false, 'installing') ON CONFLICT (agent_id, skill_id) DO NOTHING RETURNING ${INSTALLED}`,
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

  /** Makes a content the one the agent has. False when the agent has lost the skill meanwhile. */
  async enable(tx: Tx, scope: Scope, agentId: string, content: EnabledContent): Promise<boolean> {
    const { skillId, skillKey, name, version, digest, tools } = content;
    const rows = await tx.query(
      `UPDATE agent_skills SET is_enabled = true, disabled_at = NULL, skill_key = $4, name = $5, version = $6, digest = $7,
              tools_digest = $8, manual = $9
        WHERE org_id = $1 AND agent_id = $2 AND skill_id = $3 RETURNING 1`,
      [scope.orgId, agentId, skillId, skillKey, name, version, digest, tools.digest, [...tools.manual]],
    );
    return rows.length > 0;
  }

  async installed(tx: Tx, scope: Scope, agentId: string, skillId: string): Promise<void> {
    const sql = `UPDATE agent_skills SET state = 'installed' WHERE org_id = $1 AND agent_id = $2 AND skill_id = $3`;
    await tx.query(sql, [scope.orgId, agentId, skillId]);
  }

  async setEnabled(tx: Tx, scope: Scope, agentId: string, skillId: string, isEnabled: boolean): Promise<void> {
    const sql = 'UPDATE agent_skills SET is_enabled = $4 WHERE org_id = $1 AND agent_id = $2 AND skill_id = $3';
    await tx.query(sql, [scope.orgId, agentId, skillId, isEnabled]);
  }

  /** Brings back what an update has replaced; `isDisabled` says how its content stands now. */
  async restore(
    tx: Tx,
    scope: Scope,
    agentId: string,
    skillId: string,
    former: FormerSkill & { readonly isDisabled: boolean },
  ): Promise<void> {
    const { skillKey, name, version, digest, isDisabled } = former;
    await tx.query(
      `UPDATE agent_skills SET is_enabled = NOT $8, disabled_at = CASE WHEN $8 THEN now() END, state = 'installed',
              skill_key = $4, name = $5, version = $6, digest = $7
        WHERE org_id = $1 AND agent_id = $2 AND skill_id = $3`,
      [scope.orgId, agentId, skillId, skillKey, name, version, digest, isDisabled],
    );
  }

  /** Holds the agents that have a content until `tx` ends: of all organisations where `scope` is null. */
  async holdUsers(tx: Tx, scope: Scope | null, digest: string): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(
      `SELECT id FROM agents WHERE id IN (SELECT agent_id FROM agent_skills WHERE digest = $1 AND ($2::uuid IS NULL OR org_id = $2))
        ORDER BY id FOR NO KEY UPDATE`,
      [digest, scope?.orgId ?? null],
    );
    return rows.map(({ id }) => id);
  }

  /** Takes a content from these agents. */
  async disable(tx: Tx, agentIds: readonly string[], digest: string): Promise<SwitchedSkills> {
    const rows = await tx.query<SwitchedRow>(
      `UPDATE agent_skills SET is_enabled = false, disabled_at = now()
        WHERE agent_id = ANY ($1::uuid[]) AND digest = $2 AND is_enabled RETURNING agent_id AS "agentId", skill_id AS "skillId"`,
      [agentIds, digest],
    );
    return switched(rows);
  }

  /** Gives it back to those for whose organisation it is not disabled any more. */
  async enableAgain(tx: Tx, agentIds: readonly string[], digest: string): Promise<SwitchedSkills> {
    const rows = await tx.query<SwitchedRow>(
      `UPDATE agent_skills a SET is_enabled = true, disabled_at = NULL
        WHERE agent_id = ANY ($1::uuid[]) AND digest = $2 AND disabled_at IS NOT NULL AND ${NOT_DISABLED}
       RETURNING agent_id AS "agentId", skill_id AS "skillId"`,
      [agentIds, digest],
    );
    return switched(rows);
  }

  /** How much the agent's skills are; `replaced` counts a skill as if it had another content. */
  async load(
    tx: Tx,
    scope: Scope,
    agentId: string,
    replaced?: { readonly skillId: string; readonly digest: string },
  ): Promise<SkillLoad> {
    const [load] = await tx.query<SkillLoad>(
      `SELECT count(*)::int AS skills, coalesce(sum(c.file_count), 0)::int AS files, coalesce(sum(c.size_bytes), 0)::int AS bytes
         FROM agent_skills a JOIN skill_contents c ON c.digest = CASE WHEN a.skill_id = $3 THEN $4 ELSE a.digest END
        WHERE a.org_id = $1 AND a.agent_id = $2`,
      [scope.orgId, agentId, replaced?.skillId ?? null, replaced?.digest ?? null],
    );
    return load ?? { skills: 0, files: 0, bytes: 0 };
  }

  /** Agents that have the skill, living or on their way out. */
  async users(tx: Tx, key: string): Promise<number> {
    const sql = 'SELECT count(*)::int AS n FROM agent_skills WHERE skill_key = $1';
    return (await tx.query<{ n: number }>(sql, [key]))[0]?.n ?? 0;
  }

  /** What the agent is to have in its workspace, a row a skill; only `skillId` where one is given. */
  async contents(scope: Scope, agentId: string, skillId?: string): Promise<SkillContent[]> {
    return this.database.query<SkillContent>(
      `SELECT a.skill_id AS "skillId", a.digest, c.files FROM agent_skills a JOIN skill_contents c USING (digest)
        WHERE a.org_id = $1 AND a.agent_id = $2 AND ($3::text IS NULL OR a.skill_id = $3) AND a.is_enabled
          AND c.files IS NOT NULL AND ${NOT_DISABLED} ORDER BY a.skill_id`,
      [scope.orgId, agentId, skillId ?? null],
    );
  }
}
