export * from './swarm.js';
export { type SwarmDeparture, SwarmDepartures } from './swarm-departures.js';
export { SwarmMembersService } from './swarm-members.service.js';
export * from './swarms.errors.js';
export * from './swarms.module.js';
export * from './swarms.service.js';
