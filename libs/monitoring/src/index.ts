export * from './monitoring.js';
export { AlertDeliveries } from './alert-deliveries.js';
export { AlertWatcher } from './alert-watcher.js';
export { signatureOf } from './alert-webhook.js';
export * from './monitoring.module.js';
export { MonitoringService } from './monitoring.service.js';
