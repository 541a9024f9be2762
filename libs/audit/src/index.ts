export {
  AUDIT_EVENT_TYPES,
  AUDIT_RESULTS,
  type AuditEvent,
  type AuditEventType,
  type AuditResult,
  PLATFORM_SCOPE,
  done,
} from './audit-event.js';
export { AUDIT_TOPIC, AuditLog } from './audit-log.js';
export { AuditModule } from './audit.module.js';
