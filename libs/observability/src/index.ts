export * from './context.js';
export * from './logger.js';
export * from './logger.module.js';
export * from './metrics.js';
export * from './nest-logger.js';
export * from './rate-limited.js';
export * from './redact.js';
export * from './scrape-access.js';
