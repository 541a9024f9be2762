export * from './heartbeat.js';
export { HeartbeatRunner } from './heartbeat-runner.js';
export { HeartbeatUpkeep } from './heartbeat-upkeep.js';
export * from './heartbeats.module.js';
export { HeartbeatsService } from './heartbeats.service.js';
