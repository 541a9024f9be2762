export * from './event-log.js';
export * from './events.module.js';
export { ANY_KEY } from './notice-batch.js';
export * from './notices.js';
