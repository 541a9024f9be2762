export * from './config.js';
export * from './config.module.js';
export { ConfigError, keptSecret } from './env-reader.js';
