export { AgentTasks } from './agent-tasks.js';
export * from './task.js';
export { TaskRetention } from './task-retention.js';
export * from './task.state.js';
export * from './tasks.errors.js';
export * from './tasks.events.js';
export * from './tasks.module.js';
export { TasksService } from './tasks.service.js';
