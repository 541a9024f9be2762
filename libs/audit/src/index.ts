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
export { type AuditQuery, AuditReader, type AuditRecord } from './audit-reader.js';
export { AuditModule } from './audit.module.js';
export { AuditUpkeep, AuditUpkeepModule, auditKeyOf } from './audit-upkeep.js';
export { PublicAuditKey, type Verifier } from './checkpoints/audit-key.js';
export type { Break } from './verifying/chain-check.js';
export { type ChainItem, exportedChains, storedChains } from './verifying/chain-items.js';
export { type AuditReport, type VerifyOptions, verifyAudit } from './verifying/verify-audit.js';
