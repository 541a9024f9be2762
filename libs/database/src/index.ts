export * from './data-source.js';
export * from './database.errors.js';
export * from './database.js';
export * from './database.module.js';
export * from './migrator.js';
export * from './start-failure.js';
