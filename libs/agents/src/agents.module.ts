import { Module } from '@nestjs/common';
import { GatewayClientModule } from '#libs/gateway-client';
import { IdentityModule } from '#libs/identity';
import { SecretsModule } from '#libs/secrets';
import { SwarmsModule } from '#libs/swarms';
import { AgentCommands } from './agent-commands.js';
import { AgentCreation, AgentCreationPorts } from './agent-creation.js';
import { AgentExplainer } from './agent-explainer.js';
import { AgentJournal } from './agent-journal.js';
import { AgentLiveStatus } from './agent-live-status.js';
import { AgentsRepository } from './agents.repository.js';
import { AgentWrites, AgentsService } from './agents.service.js';
import { HostsRepository } from './hosts/hosts.repository.js';
import { AgentLogsRepository } from './logs/agent-logs.repository.js';
import { AgentLogsService } from './logs/agent-logs.service.js';

/** What users do with agents. The process must provide config, database, events and a queue producer. */
@Module({
  imports: [GatewayClientModule, IdentityModule, SecretsModule, SwarmsModule],
  providers: [
    AgentCommands,
    AgentCreation,
    AgentCreationPorts,
    AgentExplainer,
    AgentJournal,
    AgentLiveStatus,
    AgentLogsRepository,
    AgentLogsService,
    AgentWrites,
    AgentsRepository,
    AgentsService,
    HostsRepository,
  ],
  exports: [AgentsService, AgentLogsService, AgentCommands],
})
export class AgentsModule {}
