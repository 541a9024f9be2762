import { Module } from '@nestjs/common';
import { AgentsModule } from '#libs/agents';
import { GatewayClientModule } from '#libs/gateway-client';
import { ChatService } from './chat.service.js';
import { RunPump } from './run-pump.js';
import { RunSweeper } from './run-sweeper.js';
import { RunsRepository } from './runs.repository.js';
import { RunsService } from './runs.service.js';
import { SessionsRepository } from './sessions.repository.js';

/** Chat with agents. Expects database, events, observability and instances (`InstancesModule.forRoot`) to be global. */
@Module({
  imports: [AgentsModule, GatewayClientModule],
  providers: [ChatService, RunPump, RunSweeper, RunsRepository, RunsService, SessionsRepository],
  exports: [ChatService, RunSweeper],
})
export class ConversationsModule {}
