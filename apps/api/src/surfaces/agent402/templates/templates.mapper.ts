import type { Page, PageRequest } from '#libs/kernel';
import type { Template } from '#libs/templates';
import { pageNumbers } from '../agent402.paging.js';
import { isoTime } from '../agent402.times.js';
import type { TemplateDto, TemplateListDto } from './templates.dto.js';

export const toTemplate = (template: Template): TemplateDto => ({
  id: template.id,
  name: template.name,
  description: template.description,
  category: template.category,
  icons: [...template.icons],
  default_model: template.defaultModel,
  default_persona: template.defaultPersona,
  default_heartbeat_interval: template.defaultHeartbeatInterval,
  default_checklist: [...template.defaultChecklist],
  user_id: template.userId,
  created_at: isoTime(template.createdAt),
  updated_at: isoTime(template.updatedAt),
});

export const toTemplateList = (page: Page<Template>, request: PageRequest): TemplateListDto => ({
  templates: page.items.map(toTemplate),
  ...pageNumbers(page, request),
});
