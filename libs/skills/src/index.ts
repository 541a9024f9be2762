export * from './skill.js';
export { AgentSkillsService } from './agent-skills.service.js';
export * from './scan/index.js';
export { NO_REQUIREMENTS, type SkillRequirements } from './requirements.js';
export * from './skill-tools.js';
export { SkillSweeper } from './skill-sweeper.js';
export * from './skills.module.js';
export { SkillsService, type SkillUpload } from './skills.service.js';
