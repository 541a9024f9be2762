import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';
import type { OrganisationTool } from './tool-install.js';

const TOOL = 't.name, t.digest, t.request, t.installed_at AS "installedAt"';

/** Rows of `org_tools`: what an organisation has installed. */
@Injectable()
export class OrganisationToolsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  list(scope: Scope): Promise<OrganisationTool[]> {
    return this.database.query(`SELECT ${TOOL} FROM org_tools t WHERE t.org_id = $1 ORDER BY t.name`, [scope.orgId]);
  }

  async find(scope: Scope, name: string, on: Sql = this.database): Promise<OrganisationTool | undefined> {
    const sql = `SELECT ${TOOL} FROM org_tools t WHERE t.org_id = $1 AND t.name = $2`;
    return (await on.query<OrganisationTool>(sql, [scope.orgId, name]))[0];
  }

  /** Of the agent's attached tools those that are installed; a skill of the same name has the name. */
  attached(scope: Scope, agentId: string): Promise<OrganisationTool[]> {
    return this.database.query(
      `SELECT ${TOOL} FROM org_tools t
         JOIN agent_skill_settings s ON s.org_id = t.org_id AND s.skill_name = t.name
        WHERE s.org_id = $1 AND s.agent_id = $2 AND s.kind = 'cli' AND s.is_enabled
          AND NOT EXISTS (SELECT 1 FROM agent_skills k WHERE k.agent_id = s.agent_id AND k.skill_id = s.skill_name) ORDER BY t.name`,
      [scope.orgId, agentId],
    );
  }

  async save(tx: Tx, scope: Scope, hostId: string, tool: Omit<OrganisationTool, 'installedAt'>): Promise<void> {
    await tx.query(
      `INSERT INTO org_tools (org_id, name, digest, request, host_id) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (org_id, name) DO UPDATE SET digest = excluded.digest, request = excluded.request, host_id = excluded.host_id,
         installed_at = now()`,
      [scope.orgId, tool.name, tool.digest, JSON.stringify(tool.request), hostId],
    );
  }

  async remove(tx: Tx, scope: Scope, name: string): Promise<boolean> {
    const sql = 'DELETE FROM org_tools WHERE org_id = $1 AND name = $2 RETURNING 1';
    return (await tx.query(sql, [scope.orgId, name])).length > 0;
  }

  /** Agents to which a tool is attached. */
  async users(tx: Tx, scope: Scope, name: string): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(
      `SELECT agent_id AS id FROM agent_skill_settings WHERE org_id = $1 AND skill_name = $2 AND kind = 'cli' AND is_enabled ORDER BY 1`,
      [scope.orgId, name],
    );
    return rows.map(({ id }) => id);
  }
}
