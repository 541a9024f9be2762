export * from './caller.js';
export * from './errors.js';
export * from './ids.js';
export * from './page.js';
