import type { AuditQuery, AuditRecord } from '#libs/audit';
import type { Page } from '#libs/kernel';
import type { AuditLogEntryDto, AuditLogListDto, AuditLogQuery } from './audit-logs.dto.js';

const DEFAULT_LIMIT = 100;
const PEER = /^peer:[0-9a-f-]{36}:/;

export const toAuditQuery = (query: AuditLogQuery): AuditQuery => ({
  subject: query.peer_id,
  type: query.event_type,
  result: query.result,
  from: query.start_time,
  to: query.end_time,
  limit: query.limit ?? DEFAULT_LIMIT,
  offset: query.offset ?? 0,
});

export const toAuditLogList = (page: Page<AuditRecord>, { limit, offset }: AuditQuery): AuditLogListDto => ({
  events: page.items.map(toEntry),
  total: page.total,
  limit,
  offset,
});

const toEntry = (record: AuditRecord): AuditLogEntryDto => ({
  timestamp: record.at.toISOString(),
  event_type: record.type,
  peer_id: record.subject.replace(PEER, ''),
  action: record.action,
  resource: record.resource,
  result: record.result,
  reason: record.reason,
  metadata: { ...record.metadata },
});
