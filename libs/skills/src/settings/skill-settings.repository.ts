import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { type Scope, newId, prefixedId } from '#libs/kernel';
import { SecretsService } from '#libs/secrets';
import { type SkillSetting, credentialPrefix } from './skill-setting.js';

const TOOLS = `
  SELECT id, agent_id, skill_name, kind, is_enabled, config, created_at, updated_at
    FROM agent_skill_settings WHERE org_id = $1 AND agent_id = $2 AND kind = 'cli'`;

/** Skills of the catalogue count as set from the moment on at which they are installed, by whatever way. */
const SKILLS = `
  SELECT coalesce(s.id, k.id), k.agent_id, k.skill_id, 'project', k.is_enabled, coalesce(s.config, '{}'), coalesce(s.created_at, k.installed_at),
         coalesce(s.updated_at, k.installed_at)
    FROM agent_skills k LEFT JOIN agent_skill_settings s ON s.agent_id = k.agent_id AND s.skill_name = k.skill_id AND s.kind = 'project'
   WHERE k.org_id = $1 AND k.agent_id = $2`;

const LIST = `
  SELECT id, agent_id AS "agentId", skill_name AS "skillName", kind, is_enabled AS "isEnabled", config, created_at AS "createdAt",
         updated_at AS "updatedAt"
    FROM (${TOOLS} UNION ALL ${SKILLS}) r ORDER BY created_at, skill_name`;

type SettingRow = Omit<SkillSetting, 'hasCredentials'>;

/** Which skill is set, and how. */
export interface SaveSetting {
  readonly skillName: string;
  readonly kind: SkillSetting['kind'];
  readonly isEnabled: boolean;
  /** Undefined: as it is. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
}

/** Rows of `agent_skill_settings`, with the credentials that belong to them. */
@Injectable()
export class SkillSettingsRepository {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SecretsService) private readonly secrets: SecretsService,
  ) {}

  /** In the order in which they were attached. */
  async list(scope: Scope, agentId: string): Promise<SkillSetting[]> {
    const [rows, names] = await Promise.all([
      this.database.query<SettingRow>(LIST, [scope.orgId, agentId]),
      this.secrets.names(scope, { kind: 'agent', id: agentId }),
    ]);
    return rows.map((row) => {
      const prefix = credentialPrefix(row.skillName);
      return { ...row, hasCredentials: names.some((name) => name.startsWith(prefix)) };
    });
  }

  async find(scope: Scope, agentId: string, skillName: string): Promise<SkillSetting | undefined> {
    return (await this.list(scope, agentId)).find((setting) => setting.skillName === skillName);
  }

  /** False when it is set already. */
  async add(tx: Tx, scope: Scope, agentId: string, setting: SaveSetting): Promise<boolean> {
    const sql = `${INSERT} ON CONFLICT (agent_id, skill_name) DO NOTHING RETURNING 1`;
    return (await tx.query(sql, valuesOf(scope, agentId, setting))).length > 0;
  }

  async save(tx: Tx, scope: Scope, agentId: string, setting: SaveSetting): Promise<void> {
    await tx.query(
      `${INSERT} ON CONFLICT (agent_id, skill_name) DO UPDATE SET kind = excluded.kind, is_enabled = excluded.is_enabled,
         config = coalesce($7, agent_skill_settings.config), updated_at = clock_timestamp()`,
      valuesOf(scope, agentId, setting),
    );
  }

  /** With the credentials. False when it was not set. */
  async forget(tx: Tx, scope: Scope, agentId: string, skillName: string): Promise<boolean> {
    const sql = 'DELETE FROM agent_skill_settings WHERE org_id = $1 AND agent_id = $2 AND skill_name = $3 RETURNING 1';
    const isGone = (await tx.query(sql, [scope.orgId, agentId, skillName])).length > 0;
    const owner = { kind: 'agent', id: agentId } as const;
    const prefix = credentialPrefix(skillName);
    const names = (await this.secrets.names(scope, owner)).filter((name) => name.startsWith(prefix));
    if (names.length > 0) await this.secrets.remove(tx, scope, owner, names);
    return isGone;
  }
}

const INSERT = `
  INSERT INTO agent_skill_settings (id, org_id, agent_id, skill_name, kind, is_enabled, config)
  VALUES ($1, $2, $3, $4, $5, $6, coalesce($7::jsonb, '{}'))`;

const valuesOf = (scope: Scope, agentId: string, { skillName, kind, isEnabled, config }: SaveSetting): unknown[] => [
  ...[prefixedId('sc', newId()), scope.orgId, agentId, skillName, kind, isEnabled],
  config === undefined ? null : JSON.stringify(config),
];
