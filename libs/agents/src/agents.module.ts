import { Module } from '@nestjs/common';
import { AuditModule } from '#libs/audit';
import { GatewayClientModule } from '#libs/gateway-client';
import { IdentityModule, OrganisationDeparturesModule } from '#libs/identity';
import { SecretsModule } from '#libs/secrets';
import { SwarmsModule } from '#libs/swarms';
import { AgentCommands } from './agent-commands.js';
import { AgentCreation, AgentCreationPorts } from './agent-creation.js';
import { AgentDepartures } from './agent-departures.js';
import { AgentExplainer } from './agent-explainer.js';
import { AgentImages } from './agent-images.js';
import { AgentJournal } from './agent-journal.js';
import { AgentLiveStatus } from './agent-live-status.js';
import { AgentReach } from './agent-reach.js';
import { AgentSecretsService } from './agent-secrets.service.js';
import { AgentSwarmsService } from './agent-swarms.service.js';
import { AgentsRepository } from './agents.repository.js';
import { AgentWrites, AgentsService } from './agents.service.js';
import { AgentEgressModule } from './egress/agent-egress.module.js';
import { AgentFilesRepository } from './files/agent-files.repository.js';
import { AgentFilesService } from './files/agent-files.service.js';
import { HostsRepository } from './hosts/hosts.repository.js';
import { HostsService } from './hosts/hosts.service.js';
import { AgentLogsRepository } from './logs/agent-logs.repository.js';
import { AgentLogsService } from './logs/agent-logs.service.js';
import { AgentGauges } from './agent-gauges.js';
import { WorkspaceGauges } from './workspace/workspace-gauges.js';

/** What users do with agents. The process must provide config, database, events and a queue producer. */
@Module({
  imports: [
    AuditModule,
    AgentEgressModule,
    GatewayClientModule,
    IdentityModule,
    OrganisationDeparturesModule,
    SecretsModule,
    SwarmsModule,
  ],
  providers: [
    AgentCommands,
    AgentCreation,
    AgentCreationPorts,
    AgentDepartures,
    AgentExplainer,
    AgentFilesRepository,
    AgentFilesService,
    AgentGauges,
    AgentImages,
    AgentJournal,
    AgentLiveStatus,
    AgentLogsRepository,
    AgentLogsService,
    AgentReach,
    AgentSecretsService,
    AgentSwarmsService,
    AgentWrites,
    AgentsRepository,
    AgentsService,
    HostsRepository,
    HostsService,
    WorkspaceGauges,
  ],
  exports: [
    AgentsService,
    HostsService,
    AgentFilesService,
    AgentLogsService,
    AgentReach,
    AgentSecretsService,
    AgentSwarmsService,
    AgentCommands,
    AgentEgressModule,
  ],
})
export class AgentsModule {}
