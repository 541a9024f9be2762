/** How one skill of an agent is set: a tool of the registry (`cli`), or a skill of the catalogue (`project`). */
export interface SkillSetting {
  readonly id: string;
  readonly agentId: string;
  readonly skillName: string;
  readonly kind: 'cli' | 'project';
  readonly isEnabled: boolean;
  readonly config: Readonly<Record<string, unknown>>;
  readonly hasCredentials: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Credentials of a skill are secrets of its agent, such as its MCP servers may be given: `mcp_<skill>__<field>`. */
export const credentialPrefix = (skillName: string): string => `mcp_${skillName.replaceAll('-', '_')}__`;

export const credentialName = (skillName: string, field: string): string =>
  credentialPrefix(skillName) + field.toLowerCase();
