export * from './sliding-window.js';
