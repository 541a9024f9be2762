import { Module } from '@nestjs/common';
import { AuditModule } from '#libs/audit';
import { EgressModule } from '#libs/egress';
import { AlertDeliveries } from './alert-deliveries.js';
import { AlertSettingsRepository } from './alert-settings.repository.js';
import { AlertWatcher } from './alert-watcher.js';
import { AlertWebhook } from './alert-webhook.js';
import { MonitoringRows, MonitoringService } from './monitoring.service.js';
import { SubsystemsRepository } from './subsystems.repository.js';
import { TimelineRepository } from './timeline.repository.js';

/** Expects config, database, events and observability to be global. */
@Module({
  imports: [AuditModule, EgressModule],
  providers: [
    ...[SubsystemsRepository, TimelineRepository, AlertSettingsRepository, MonitoringRows],
    ...[MonitoringService, AlertWebhook, AlertDeliveries, AlertWatcher],
  ],
  exports: [MonitoringService, AlertDeliveries, AlertWatcher],
})
export class MonitoringModule {}
