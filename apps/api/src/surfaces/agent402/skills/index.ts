import { SkillsModule } from '#libs/skills';
import { AgentSkillsController } from './agent-skills.controller.js';
import { ListedSkills } from './listed-skills.js';
import { SkillsController } from './skills.controller.js';

/** Tools and skills: what the surface's module lists for them. */
export const SKILLS_MODULES = [SkillsModule];
export const SKILLS_CONTROLLERS = [SkillsController, AgentSkillsController];
export const SKILLS_PROVIDERS = [ListedSkills];
