export * from './template.js';
export * from './templates.module.js';
export { TemplatesService } from './templates.service.js';
