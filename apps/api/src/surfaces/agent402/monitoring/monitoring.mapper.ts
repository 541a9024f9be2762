import type { DomainEvent } from '#libs/events';
import type { Page } from '#libs/kernel';
import {
  type AlertSettings,
  type ChangeSettings,
  SUBSYSTEMS,
  type Subsystem,
  type SwarmHealth,
  type TimelineEvent,
  type TimelineQuery,
} from '#libs/monitoring';
import { isoTime } from '../agent402.times.js';
import type {
  AlertListDto,
  ChangeThresholdsDto,
  MonitoringStatusDto,
  SwarmHealthDto,
  ThresholdsDto,
  TimelineDto,
  TimelineQueryDto,
} from './monitoring.dto.js';

export const toSwarmHealth = ({ status, subsystems }: SwarmHealth, now: Date): SwarmHealthDto => ({
  status,
  timestamp: isoTime(now),
  subsystems_available: SUBSYSTEMS.filter((name) => subsystems[name] !== null).length,
  subsystems_total: SUBSYSTEMS.length,
  lease_expiration: shown(subsystems.lease_expiration),
  result_buffer: shown(subsystems.result_buffer),
  partition_detection: shown(subsystems.partition_detection),
  node_crash_detection: shown(subsystems.node_crash_detection),
  lease_revocation: shown(subsystems.lease_revocation),
  duplicate_prevention: shown(subsystems.duplicate_prevention),
  ip_pool: shown(subsystems.ip_pool),
  message_verification: shown(subsystems.message_verification),
});

const shown = (subsystem: Subsystem): object | null => (subsystem === null ? null : { available: true, ...subsystem });

export const toTimelineQuery = (query: TimelineQueryDto): TimelineQuery => ({
  taskId: query.task_id,
  peerId: query.peer_id,
  type: query.event_type,
  since: query.since === undefined ? undefined : new Date(query.since),
  until: query.until === undefined ? undefined : new Date(query.until),
  limit: query.limit ?? 100,
  offset: query.offset ?? 0,
});

export const toTimeline = (page: Page<TimelineEvent>, { limit, offset }: TimelineQuery): TimelineDto => ({
  events: page.items.map((event) => ({
    event_type: event.type,
    task_id: event.taskId,
    peer_id: event.peerId,
    timestamp: isoTime(event.at),
    metadata: { ...event.metadata },
  })),
  total_count: page.total,
  limit,
  offset,
});

export function toMonitoringStatus({ subsystems }: SwarmHealth, events: number, now: Date): MonitoringStatusDto {
  const available = SUBSYSTEMS.filter((name) => subsystems[name] !== null).length;
  return {
    status: available === SUBSYSTEMS.length ? 'operational' : available > 0 ? 'partial' : 'unavailable',
    timestamp: isoTime(now),
    subsystems: Object.fromEntries(SUBSYSTEMS.map((name) => [name, { available: subsystems[name] !== null }])),
    registered_health_subsystems: SUBSYSTEMS.length,
    timeline_event_count: events,
    bootstrapped: true,
  };
}

export const toThresholds = (settings: AlertSettings & { readonly webhookSecret?: string }): ThresholdsDto => ({
  buffer_utilization: settings.bufferUtilization,
  crash_count: settings.crashCount,
  revocation_rate: settings.revocationRate,
  ip_pool_utilization: settings.ipPoolUtilization,
  webhook_url: settings.webhookUrl,
  ...(settings.webhookSecret === undefined ? {} : { webhook_secret: settings.webhookSecret }),
  updated_at: isoTime(settings.updatedAt),
});

export const toChangeSettings = (body: ChangeThresholdsDto): ChangeSettings => ({
  bufferUtilization: body.buffer_utilization ?? undefined,
  crashCount: body.crash_count ?? undefined,
  revocationRate: body.revocation_rate ?? undefined,
  ipPoolUtilization: body.ip_pool_utilization ?? undefined,
  webhookUrl: body.webhook_url,
});

export const toAlertList = (events: readonly DomainEvent[]): AlertListDto => ({
  alerts: events.map(({ type, data, at }) => ({
    type,
    name: String(data.name),
    value: numberOrNull(data.value),
    threshold: numberOrNull(data.threshold),
    status: String(data.status),
    timestamp: isoTime(at),
  })),
});

const numberOrNull = (value: unknown): number | null => (typeof value === 'number' ? value : null);
