export * from './chat.js';
export * from './chat.service.js';
export * from './conversations.module.js';
export * from './run-sweeper.js';
