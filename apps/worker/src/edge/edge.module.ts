import { type DynamicModule, Module } from '@nestjs/common';
import { AgentEgressModule } from '#libs/agents';
import { type Config, ConfigModule } from '#libs/config';
import { DatabaseModule } from '#libs/database';
import { EgressModule } from '#libs/egress';
import { EventsModule } from '#libs/events';
import { InstancesModule } from '#libs/instances';
import { type Logger, LoggerModule } from '#libs/observability';
import { SecretsModule } from '#libs/secrets';
import { KnowledgeModule } from '#libs/knowledge';
import { AgentTasksModule } from '#libs/tasks';
import { MeteringModule } from '#libs/usage';
import { AgentDoor } from './agent-door.js';
import { AgentGate } from './agent-gate.js';
import { EdgeServer } from './edge-server.js';
import { BrokerParts, LlmBroker } from './llm-broker.js';
import { McpDoor } from './mcp-door.js';
import { McpTargets } from './mcp-targets.js';
import { ModelCalls } from './metering/model-calls.js';
import { EgressProxy, ProxyRules } from './proxy/egress-proxy.js';
import { Refusals } from './proxy/refusals.js';
import { RegistryAccess } from './proxy/registry-access.js';
import { TunnelWatch } from './proxy/tunnel-watch.js';
import { RelayDoor } from './relay-door.js';
import { DoorTools } from './tools/door-tools.js';
import { KnowledgeTools } from './tools/knowledge-tools.js';
import { TaskTools } from './tools/task-tools.js';
import { ToolsDoor } from './tools/tools-door.js';

/**
 * The whole program of `ROLE=edge`: `NestFactory.createApplicationContext(EdgeModule.forRoot(config, logger))` opens both
 * doors. It needs Postgres and nothing else, and holds no state.
 */
@Module({})
export class EdgeModule {
  static forRoot(config: Config, logger: Logger): DynamicModule {
    return {
      module: EdgeModule,
      imports: [
        ConfigModule.forRoot(config),
        LoggerModule.forRoot(logger),
        DatabaseModule.forRoot(),
        EventsModule.forRoot(),
        InstancesModule.forRoot('edge'),
        SecretsModule,
        AgentTasksModule,
        AgentEgressModule,
        KnowledgeModule,
        EgressModule,
        MeteringModule,
      ],
      providers: [
        AgentDoor,
        AgentGate,
        BrokerParts,
        DoorTools,
        EdgeServer,
        EgressProxy,
        LlmBroker,
        McpDoor,
        McpTargets,
        ModelCalls,
        ProxyRules,
        Refusals,
        RegistryAccess,
        RelayDoor,
        KnowledgeTools,
        TaskTools,
        ToolsDoor,
        TunnelWatch,
      ],
      exports: [EdgeServer],
    };
  }
}
