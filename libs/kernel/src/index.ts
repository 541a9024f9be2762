export * from './caller.js';
export * from './compiled-file.js';
export * from './errors.js';
export * from './ids.js';
export * from './page.js';
