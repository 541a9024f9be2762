export * from './skill.js';
export {
  type AgentSkill,
  AgentSkillsService,
  type RequestedInstall,
  type SettleSkill,
} from './agent-skills.service.js';
export type { DisabledDigest } from './disabling/disabled-digests.repository.js';
export { SkillSwitch, type SwitchReach } from './disabling/skill-switch.service.js';
export type { InstallError, InstallState, InstallStep, SkillInstall } from './installing/skill-install.js';
export { SkillInstaller } from './installing/skill-installer.js';
export { SkillPlacer } from './installing/skill-placer.js';
export * from './skills.jobs.js';
export * from './scan/index.js';
export { NO_REQUIREMENTS, type SkillRequirements } from './requirements.js';
export { HostTools } from './host-tools.js';
export * from './skill-tools.js';
export { type SkillUpdate, SkillUpdates } from './updating/skill-updates.service.js';
export type { DeclaredChange, FileChange } from './updating/skill-diff.js';
export { SkillSweeper } from './skill-sweeper.js';
export * from './skills.module.js';
export { SkillsService, type SkillUpload } from './skills.service.js';
export { INSTALL_METHODS, type InstallMethod, type RegistryTool } from './registry/registry-tool.js';
export type { ToolStanding } from './registry/readiness.js';
export { type ToolAction, type ToolInstall, isToolWorkOpen } from './registry/tool-install.js';
export { ToolInstaller } from './registry/tool-installer.js';
export { TOOL_REGISTRY, handCommand } from './registry/tool-registry.js';
export { ToolReporter } from './registry/tool-reporter.js';
export { WORK_ON_TOOL, WorkOnTool } from './registry/tools.jobs.js';
export { type InstallTool, type ToolOutcome, ToolsService } from './registry/tools.service.js';
export type { SkillSetting } from './settings/skill-setting.js';
export { type AttachSkill, type ConfigureSkill, SkillSettingsService } from './settings/skill-settings.service.js';
export type { SkillOutline, SkillOverview } from './skill-overview.repository.js';
