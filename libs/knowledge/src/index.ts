export { AgentKnowledge } from './agent-knowledge.js';
export * from './knowledge.js';
export * from './knowledge.errors.js';
export * from './knowledge.module.js';
export { KnowledgeService } from './knowledge.service.js';
export { KnowledgeUpkeep } from './knowledge-upkeep.js';
