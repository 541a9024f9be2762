export * from './config.js';
export * from './config.module.js';
export { loadConfig } from './load-config.js';
export { ConfigError, keptSecret } from './env-reader.js';
