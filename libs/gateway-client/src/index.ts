export * from './gateway-client.js';
export * from './gateway-client.module.js';
export * from './gateway.js';
export { isHistoryRequired } from './gateway.errors.js';
