export * from './instance.js';
export * from './instances.module.js';
