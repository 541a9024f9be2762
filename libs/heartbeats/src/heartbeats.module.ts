import { Module } from '@nestjs/common';
import { AgentsModule } from '#libs/agents';
import { ConversationsModule } from '#libs/conversations';
import { ExecutionsRepository } from './executions.repository.js';
import { HeartbeatRunner } from './heartbeat-runner.js';
import { HeartbeatSettingsRepository } from './heartbeat-settings.repository.js';
import { HeartbeatTurns } from './heartbeat-turns.js';
import { HeartbeatUpkeep } from './heartbeat-upkeep.js';
import { HeartbeatsService } from './heartbeats.service.js';

/** Heartbeats as users see them. Expects what `ConversationsModule` does. */
@Module({
  imports: [AgentsModule, ConversationsModule],
  providers: [ExecutionsRepository, HeartbeatSettingsRepository, HeartbeatTurns, HeartbeatsService],
  exports: [HeartbeatsService, ExecutionsRepository, HeartbeatTurns],
})
export class HeartbeatsModule {}

/** What a worker does about them by the clock. */
@Module({
  imports: [HeartbeatsModule],
  providers: [HeartbeatRunner, HeartbeatUpkeep],
  exports: [HeartbeatRunner, HeartbeatUpkeep],
})
export class HeartbeatsWorkerModule {}
