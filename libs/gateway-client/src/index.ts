export * from './gateway-client.js';
export * from './gateway-client.module.js';
export * from './gateway.js';
export { HistoryRequired } from './gateway.errors.js';
