export * from './swarm.js';
export * from './swarms.module.js';
export * from './swarms.service.js';
