export * from './sliding-window.js';
export * from './client-address.js';
