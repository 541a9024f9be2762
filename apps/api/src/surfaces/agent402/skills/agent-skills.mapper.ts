import { invalid } from '#libs/kernel';
import type { AttachSkill, ConfigureSkill, SkillSetting } from '#libs/skills';
import { isoTime } from '../agent402.times.js';
import type { AgentSkillListDto, AttachSkillDto, ConfigureSkillDto, SkillConfigDto } from './agent-skills.dto.js';

/** @throws DomainError `validation` without a name. */
export function toAttachSkill({ skill_name, name, skill, enabled, config }: AttachSkillDto): AttachSkill {
  const wanted = (skill_name ?? name ?? skill)?.trim();
  if (!wanted) {
    throw invalid('skill_name is missing', [
      { path: ['body', 'skill_name'], message: 'Field required', type: 'missing' },
    ]);
  }
  return { name: wanted, isEnabled: enabled ?? true, config: config ?? undefined };
}

/** @throws DomainError `validation` for credentials that are no texts. */
export function toConfigureSkill(name: string, body: ConfigureSkillDto): ConfigureSkill {
  const { api_key, access_token, refresh_token, credentials, config, enabled } = body;
  const given = Object.entries({ ...credentials, api_key, access_token, refresh_token });
  const texts = given.flatMap(([field, value]): [string, string][] => {
    if (value === undefined || value === null) return [];
    if (typeof value === 'string') return [[field, value]];
    const message = 'Input should be a valid string';
    throw invalid(message, [{ path: ['body', 'credentials', field], message, type: 'string_type' }]);
  });
  return { name, credentials: Object.fromEntries(texts), config: config ?? undefined, isEnabled: enabled ?? true };
}

export const toSkillConfig = (setting: SkillSetting): SkillConfigDto => ({
  ...{ id: setting.id, agent_id: setting.agentId, skill_name: setting.skillName, enabled: setting.isEnabled },
  ...{ config: { ...setting.config }, has_credentials: setting.hasCredentials },
  ...{ created_at: isoTime(setting.createdAt), updated_at: isoTime(setting.updatedAt) },
});

export const toAgentSkillList = (agentId: string, settings: readonly SkillSetting[]): AgentSkillListDto => ({
  agent_id: agentId,
  total_skills: settings.length,
  enabled_skills: settings.filter(({ isEnabled }) => isEnabled).length,
  configured_skills: settings.filter(({ hasCredentials, config }) => hasCredentials || Object.keys(config).length > 0)
    .length,
  skills: settings.map(({ skillName, isEnabled, hasCredentials, config }) => ({
    ...{ skill_name: skillName, enabled: isEnabled, has_credentials: hasCredentials, config: { ...config } },
  })),
});
