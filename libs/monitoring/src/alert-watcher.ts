import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { EventLog } from '#libs/events';
import type { Scope } from '#libs/kernel';
import { AlertDeliveries } from './alert-deliveries.js';
import { AlertSettingsRepository } from './alert-settings.repository.js';
import type { Alert, AlertName } from './monitoring.js';
import { SubsystemsRepository } from './subsystems.repository.js';
import { healthOf } from './swarm-health.js';

const EVERY_SECONDS = 10;
const BATCH = 50;

/** Kind of the events of an organisation's alerts; their thing is the organisation. */
export const ALERT_EVENTS = 'alerts';

interface Change {
  readonly type: 'alert.raised' | 'alert.cleared';
  readonly name: AlertName;
  readonly value: number | null;
  readonly threshold: number | null;
}

/** Holds every organisation's figures against its thresholds, and tells what has changed: as events, and to its webhook. */
@Injectable()
export class AlertWatcher {
  constructor(
    @Inject(AlertSettingsRepository) private readonly settings: AlertSettingsRepository,
    @Inject(SubsystemsRepository) private readonly subsystems: SubsystemsRepository,
    @Inject(AlertDeliveries) private readonly deliveries: AlertDeliveries,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Database) private readonly database: Database,
  ) {}

  /** Looks at whom nobody looked at in the last 10 s. */
  async watch(signal: AbortSignal): Promise<void> {
    await this.settings.watchAll();
    for (;;) {
      const due = await this.settings.due(EVERY_SECONDS, BATCH);
      for (const scope of due) if (!signal.aborted) await this.look(scope);
      if (signal.aborted || due.length < BATCH) return;
    }
  }

  private async look(scope: Scope): Promise<void> {
    const subsystems = await this.subsystems.of(scope);
    await this.database.transaction(async (tx) => {
      const watched = await this.settings.lock(tx, scope);
      if (!watched) return;
      const { alerts, status } = healthOf(subsystems, watched);
      const changes = changesOf(watched.raised, alerts);
      if (changes.length === 0) return;
      const names = alerts.map(({ name }) => name);
      const seqs = await this.settings.raise(tx, scope, names, changes.length);
      for (const [index, { type, ...data }] of changes.entries()) {
        const event = { kind: ALERT_EVENTS, id: scope.orgId, orgId: scope.orgId, seq: seqs[index] ?? 0, type };
        await this.events.append(tx, { ...event, data: { ...data, status } });
        if (watched.webhookUrl !== null) {
          const content = { type, alert: data, status, workspace_id: scope.orgId, at: new Date().toISOString() };
          await this.deliveries.enqueue(tx, scope, content);
        }
      }
    });
  }
}

function changesOf(raised: readonly AlertName[], alerts: readonly Alert[]): Change[] {
  const begun = alerts.filter(({ name }) => !raised.includes(name));
  const over = raised.filter((name) => !alerts.some((alert) => alert.name === name));
  return [
    ...begun.map((alert) => ({ type: 'alert.raised' as const, ...alert })),
    ...over.map((name) => ({ type: 'alert.cleared' as const, name, value: null, threshold: null })),
  ];
}
