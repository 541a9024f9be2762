export * from './config.js';
export * from './config.module.js';
export { ConfigError } from './env-reader.js';
