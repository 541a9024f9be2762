import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import { Database } from '#libs/database';
import { EgressError, egressUrl } from '#libs/egress';
import { type DomainEvent, EventLog } from '#libs/events';
import { type Caller, type Page, invalid, requireRole, requireScope } from '#libs/kernel';
import { AlertSettingsRepository } from './alert-settings.repository.js';
import { ALERT_EVENTS } from './alert-watcher.js';
import { AlertWebhook } from './alert-webhook.js';
import {
  type AlertSettings,
  type ChangeSettings,
  DEFAULT_THRESHOLDS,
  type SwarmHealth,
  type TimelineEvent,
  type TimelineQuery,
} from './monitoring.js';
import { SubsystemsRepository } from './subsystems.repository.js';
import { healthOf } from './swarm-health.js';
import { TimelineRepository } from './timeline.repository.js';

/** Where monitoring reads. */
@Injectable()
export class MonitoringRows {
  constructor(
    @Inject(SubsystemsRepository) readonly subsystems: SubsystemsRepository,
    @Inject(TimelineRepository) readonly timeline: TimelineRepository,
    @Inject(AlertSettingsRepository) readonly settings: AlertSettingsRepository,
  ) {}
}

/** How the swarms of an organisation do, and when it wants to be told. */
@Injectable()
export class MonitoringService {
  constructor(
    @Inject(MonitoringRows) private readonly rows: MonitoringRows,
    @Inject(AlertWebhook) private readonly webhook: AlertWebhook,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(AuditLog) private readonly audit: AuditLog,
    @Inject(Database) private readonly database: Database,
  ) {}

  async health(caller: Caller): Promise<SwarmHealth> {
    requireScope(caller, 'swarms:read');
    const [subsystems, settings] = await Promise.all([
      this.rows.subsystems.of(caller),
      this.rows.settings.find(caller),
    ]);
    return healthOf(subsystems, settings ?? DEFAULT_THRESHOLDS);
  }

  /** Newest first. */
  async timeline(caller: Caller, query: TimelineQuery): Promise<Page<TimelineEvent>> {
    requireScope(caller, 'swarms:read');
    return this.rows.timeline.page(caller, query);
  }

  /** What was raised and cleared, newest first. */
  async alerts(caller: Caller, limit: number): Promise<DomainEvent[]> {
    requireScope(caller, 'swarms:read');
    return this.events.read(caller, ALERT_EVENTS, caller.orgId, { limit, newestFirst: true });
  }

  async settings(caller: Caller): Promise<AlertSettings> {
    requireScope(caller, 'swarms:read');
    const found = await this.rows.settings.find(caller);
    return found ?? { ...DEFAULT_THRESHOLDS, webhookUrl: null, updatedAt: new Date(0) };
  }

  /**
   * New thresholds act at once.
   * @returns also the secret of the webhook when its address was given.
   * @throws DomainError `forbidden` below ADMIN, `validation` for an address that can't be posted to.
   */
  async change(caller: Caller, change: ChangeSettings): Promise<AlertSettings & { readonly webhookSecret?: string }> {
    requireRole(caller, 'ADMIN');
    if (Object.values(change).every((value) => value === undefined)) return this.settings(caller);
    if (typeof change.webhookUrl === 'string') refuseBadUrl(change.webhookUrl);
    return this.database.transaction(async (tx) => {
      const stored = await this.rows.settings.change(tx, caller, change);
      const fields = Object.keys(change).join(' ');
      await this.audit.append(tx, caller, done(caller, 'alerts.update', 'alerts', { fields }));
      const isNew = typeof change.webhookUrl === 'string';
      const secret = isNew ? this.webhook.secretOf({ ...stored, orgId: caller.orgId }) : undefined;
      return { ...stored, ...(secret === undefined ? {} : { webhookSecret: secret }) };
    });
  }
}

function refuseBadUrl(url: string): void {
  try {
    egressUrl(url);
  } catch (error) {
    const message = error instanceof EgressError ? error.message : 'must be an http or https URL';
    throw invalid(`webhook_url ${message}`, [{ path: ['body', 'webhook_url'], message, type: 'url_parsing' }]);
  }
}
