/** What is looked at. Source: agent402, `GET /swarm/health`. */
export const SUBSYSTEMS = [
  'lease_expiration',
  'result_buffer',
  'partition_detection',
  'node_crash_detection',
  'lease_revocation',
  'duplicate_prevention',
  'ip_pool',
  'message_verification',
] as const;
export type SubsystemName = (typeof SUBSYSTEMS)[number];

/** What a subsystem says of itself; null where there is nothing to look at. */
export type Subsystem = Readonly<Record<string, number | string | null>> | null;
export type Subsystems = Readonly<Record<SubsystemName, Subsystem>>;

export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy';

export interface Thresholds {
  /** Percent. */
  readonly bufferUtilization: number;
  /** Crashes of agents within an hour. */
  readonly crashCount: number;
  /** Percent of capability tokens that were revoked within an hour. */
  readonly revocationRate: number;
  /** Percent. */
  readonly ipPoolUtilization: number;
}

export const DEFAULT_THRESHOLDS: Thresholds = {
  bufferUtilization: 80,
  crashCount: 3,
  revocationRate: 50,
  ipPoolUtilization: 90,
};

export interface AlertSettings extends Thresholds {
  /** Where alerts are posted to, signed; null: nowhere. */
  readonly webhookUrl: string | null;
  readonly updatedAt: Date;
}

/** What is left out stays; a URL of null ends deliveries. */
export type ChangeSettings = Partial<Thresholds> & { readonly webhookUrl?: string | null };

export const ALERTS = [
  'partition',
  'buffer_utilization',
  'crash_count',
  'revocation_rate',
  'ip_pool_utilization',
] as const;
export type AlertName = (typeof ALERTS)[number];

/** A threshold that is crossed. */
export interface Alert {
  readonly name: AlertName;
  readonly value: number;
  readonly threshold: number;
}

export interface SwarmHealth {
  readonly status: HealthStatus;
  readonly subsystems: Subsystems;
  readonly alerts: readonly Alert[];
}

export const TIMELINE_TYPES = [
  'TASK_CREATED',
  'TASK_QUEUED',
  'TASK_LEASED',
  'TASK_STARTED',
  'TASK_PROGRESS',
  'TASK_COMPLETED',
  'TASK_FAILED',
  'TASK_EXPIRED',
  'TASK_REQUEUED',
  'LEASE_ISSUED',
  'LEASE_EXPIRED',
  'LEASE_REVOKED',
  'NODE_CRASHED',
] as const;

export interface TimelineEvent {
  readonly type: string;
  readonly taskId: string | null;
  readonly peerId: string | null;
  readonly at: Date;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface TimelineQuery {
  readonly taskId?: string;
  readonly peerId?: string;
  readonly type?: string;
  readonly since?: Date;
  readonly until?: Date;
  readonly limit: number;
  readonly offset: number;
}
