export { HandlesJob } from './handles-job.js';
export * from './job-definition.js';
export type { WorkerQueues } from './job-dispatcher.js';
export { JobRinger } from './job-ringer.js';
export { OutboxSender } from './outbox-sender.js';
export { type QueueBackend, migrateQueue } from './queue-backend.js';
export { QUEUE_BACKEND, QueueRegistry } from './queue-registry.js';
export { RetryLater } from './queue.errors.js';
export { QueueModule } from './queue.module.js';
