import { Module } from '@nestjs/common';
import { AgentsModule } from '#libs/agents';
import { GatewayClientModule } from '#libs/gateway-client';
import { ChatService } from './chat.service.js';
import { ConversationContextService } from './conversations/conversation-context.service.js';
import { ConversationMessagesRepository } from './conversations/conversation-messages.repository.js';
import { ConversationMessagesService } from './conversations/conversation-messages.service.js';
import { ConversationSummariesRepository } from './conversations/conversation-summaries.repository.js';
import { ConversationSummaries } from './conversations/conversation-summaries.js';
import { ConversationsRepository } from './conversations/conversations.repository.js';
import { ConversationsService } from './conversations/conversations.service.js';
import { DirectMessages } from './direct-messages.js';
import { RunPump } from './run-pump.js';
import { RunSweeper } from './run-sweeper.js';
import { RunsRepository } from './runs.repository.js';
import { RunsService } from './runs.service.js';
import { SessionsRepository } from './sessions.repository.js';

/** Chat with agents. Expects database, events, observability and instances (`InstancesModule.forRoot`) to be global. */
@Module({
  imports: [AgentsModule, GatewayClientModule],
  providers: [
    ...[ChatService, DirectMessages, RunPump, RunSweeper, RunsRepository, RunsService, SessionsRepository],
    ...[ConversationsService, ConversationsRepository, ConversationMessagesService, ConversationMessagesRepository],
    ...[ConversationContextService, ConversationSummaries, ConversationSummariesRepository],
  ],
  exports: [
    ...[ChatService, DirectMessages, RunSweeper, ConversationsService, ConversationMessagesService],
    ...[ConversationContextService, ConversationSummaries],
  ],
})
export class ConversationsModule {}
