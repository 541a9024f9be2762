import { type DynamicModule, Module } from '@nestjs/common';
import { AgentsWorkerModule, HostsUpkeepModule, LogPartitions, agentJobs } from '#libs/agents';
import { AuditUpkeepModule } from '#libs/audit';
import { RestoreDrillModule } from '#libs/backup';
import { type Config, ConfigModule } from '#libs/config';
import { ContainersModule } from '#libs/containers';
import { ConversationsModule, conversationJobs } from '#libs/conversations';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { HeartbeatsWorkerModule } from '#libs/heartbeats';
import { MailDeliveryModule, OrganisationDeletionsModule, identityJobs } from '#libs/identity';
import { InstancesModule } from '#libs/instances';
import { type Logger, LoggerModule } from '#libs/observability';
import { QueueModule, hostQueue } from '#libs/queue';
import { KnowledgeLoadingModule, KnowledgeModule, knowledgeJobs } from '#libs/knowledge';
import { MonitoringModule } from '#libs/monitoring';
import { OrchestrationWorkerModule, orchestrationJobs } from '#libs/orchestration';
import { SkillsUpkeepModule, SkillsWorkerModule, skillJobs } from '#libs/skills';
import { AgentTasksModule } from '#libs/tasks';
import { MeteringModule } from '#libs/usage';
import { HostDutiesOf, HostWorker, SkillDutiesOf } from './host-worker.js';
import { StorageModule } from '#libs/storage';
import { MetricsServer } from './metrics-server.js';
import { AgentsProcessor } from './processors/agents.processor.js';
import { ConversationsProcessor } from './processors/conversations.processor.js';
import { KnowledgeProcessor } from './processors/knowledge.processor.js';
import { OrchestrationProcessor } from './processors/orchestration.processor.js';
import { MailsProcessor } from './processors/mails.processor.js';
import { SkillsProcessor } from './processors/skills.processor.js';
import { DomainDutiesOf, SharedDutiesOf, SharedWorker, TeamDutiesOf, WorkDutiesOf } from './shared-worker.js';

const CONTROL = 'control';
/** Every job of the system. */
const CATALOGUE = [
  // one line a domain
  ...agentJobs,
  ...conversationJobs,
  ...knowledgeJobs,
  ...orchestrationJobs,
  ...identityJobs,
  ...skillJobs,
];

/** A worker: with `ROLE=host` it runs its host's agents, with `ROLE=control` only what any worker can do. */
@Module({})
export class WorkerModule {
  static forRoot(config: Config, logger: Logger): DynamicModule {
    const runsHost = config.role === 'host';
    return {
      module: WorkerModule,
      imports: [
        ConfigModule.forRoot(config),
        LoggerModule.forRoot(logger),
        DatabaseModule.forRoot(),
        EventsModule.forRoot(),
        InstancesModule.forRoot('worker'),
        QueueModule.forWorker({
          catalogue: CATALOGUE,
          queues: runsHost ? [CONTROL, hostQueue(config.host.id)] : [CONTROL],
        }),
        ConversationsModule,
        MeteringModule,
        OrchestrationWorkerModule,
        HeartbeatsWorkerModule,
        MonitoringModule,
        OrganisationDeletionsModule,
        AgentTasksModule,
        KnowledgeModule,
        KnowledgeLoadingModule,
        SkillsUpkeepModule,
        AuditUpkeepModule,
        HostsUpkeepModule,
        MailDeliveryModule,
        ...(runsHost
          ? [
              ContainersModule.forRoot(),
              StorageModule.forRoot(),
              AgentsWorkerModule,
              SkillsWorkerModule,
              RestoreDrillModule,
            ]
          : []),
      ],
      providers: [
        MetricsServer,
        LogPartitions,
        DomainDutiesOf,
        TeamDutiesOf,
        SharedDutiesOf,
        WorkDutiesOf,
        SharedWorker,
        ConversationsProcessor,
        KnowledgeProcessor,
        OrchestrationProcessor,
        MailsProcessor,
        ...(runsHost ? [HostDutiesOf, HostWorker, AgentsProcessor, SkillsProcessor, SkillDutiesOf] : []),
      ],
    };
  }
}
