import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import type { Scope } from '#libs/kernel';
import { NOT_DISABLED } from './disabling/disabled-digests.repository.js';
import type { SkillRequirements } from './requirements.js';

/** What the skills of agents require, read from `agent_skills` and `skill_contents`. */
@Injectable()
export class RequiredToolsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Of the skills that the agent may use. */
  ofAgent(scope: Scope, agentId: string): Promise<SkillRequirements[]> {
    return this.requirements(`WHERE a.org_id = $1 AND a.agent_id = $2 AND a.is_enabled AND ${NOT_DISABLED}`, [
      scope.orgId,
      agentId,
    ]);
  }

  /** Of all agents of a host, and of what is being installed on them. */
  async onHost(hostId: string): Promise<SkillRequirements[]> {
    const installed = await this.requirements('JOIN agents g ON g.id = a.agent_id WHERE g.host_id = $1', [hostId]);
    const rows = await this.database.query<{ requirements: SkillRequirements }>(
      `SELECT DISTINCT c.requirements FROM agents g JOIN skill_installs i ON i.agent_id = g.id AND i.state IN ('pending','running')
         JOIN skill_contents c USING (digest) WHERE g.host_id = $1 AND c.requirements IS NOT NULL`,
      [hostId],
    );
    return [...installed, ...rows.map(({ requirements }) => requirements)];
  }

  private async requirements(where: string, values: readonly unknown[]): Promise<SkillRequirements[]> {
    const rows = await this.database.query<{ requirements: SkillRequirements | null }>(
      `SELECT DISTINCT c.requirements FROM agent_skills a JOIN skill_contents c USING (digest) ${where}`,
      values,
    );
    return rows.flatMap(({ requirements }) => requirements ?? []);
  }
}
