import { type INestApplicationContext, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { type Config, ConfigModule } from '#libs/config';
import { CONTAINER_RUNTIME, type ContainerRuntime, FakeHost, FakeRuntime } from '#libs/containers';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import type { Caller } from '#libs/kernel';
import { LoggerModule, Metrics, silentLogger } from '#libs/observability';
import { QueueModule, migrateQueue } from '#libs/queue';
import { StorageModule } from '#libs/storage';
import type { TestDatabase } from '#libs/testing';
import type { Agent, CreateAgent } from '../agent.js';
import { AgentsModule } from '../agents.module.js';
import { AgentsService } from '../agents.service.js';
import { AgentsWorkerModule } from '../agents-worker.module.js';
import { HostSession } from '../hosts/host-session.js';
import { AgentLogsService } from '../logs/agent-logs.service.js';
import { LogPartitions } from '../logs/log-partitions.js';
import { AgentWatcher } from '../reconciler/agent-watcher.js';
import { HostAgents } from '../reconciler/host-agents.js';
import { AgentReconciler } from '../reconciler/reconciler.js';
import { StoredDeletions } from '../workspace/stored-deletions.js';
import { WorkspaceSync } from '../workspace/workspace-sync.js';

/** The agents domain as a worker and an API hold it, on a fake runtime, without timers: the test calls the rounds. */
export interface AgentsFixture {
  readonly agents: AgentsService;
  readonly logs: AgentLogsService;
  readonly reconciler: AgentReconciler;
  readonly watcher: AgentWatcher;
  readonly host: HostAgents;
  readonly session: HostSession;
  readonly partitions: LogPartitions;
  readonly files: WorkspaceSync;
  readonly deletions: StoredDeletions;
  readonly runtime: FakeRuntime;
  readonly app: INestApplicationContext;
  /** Makes an agent and brings it up. */
  runningAgent(caller: Caller, input?: Partial<CreateAgent>): Promise<Agent>;
  /** One round of the sweep, to its end. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

export const demoAgent = (input: Partial<CreateAgent> = {}): CreateAgent => ({
  name: 'Ada',
  secrets: {},
  config: { llmProvider: 'demo' },
  ...input,
});

export async function agentsFixture(
  db: TestDatabase,
  fakeHost = new FakeHost(),
  given?: Config,
  /** A real one in the place of the fake. */
  realRuntime?: ContainerRuntime,
): Promise<AgentsFixture> {
  const config = given ?? db.config({ runtime: 'fake' });
  const runtime = new FakeRuntime(fakeHost);
  await migrateQueue(config.databaseUrl);

  @Module({
    providers: [{ provide: CONTAINER_RUNTIME, useValue: realRuntime ?? runtime }],
    exports: [CONTAINER_RUNTIME],
  })
  class FakeRuntimeModule {}

  const module = await Test.createTestingModule({
    imports: [
      ConfigModule.forRoot(config),
      LoggerModule.forRoot(silentLogger(), new Metrics({ process: false })),
      DatabaseModule.forRoot(),
      EventsModule.forRoot(),
      QueueModule.forProducer(),
      { module: FakeRuntimeModule, global: true },
      StorageModule.forRoot(),
      AgentsModule,
      AgentsWorkerModule,
    ],
  }).compile();
  const app = await module.init();
  const fixture = {
    agents: app.get(AgentsService),
    logs: app.get(AgentLogsService),
    reconciler: app.get(AgentReconciler),
    watcher: app.get(AgentWatcher),
    host: app.get(HostAgents),
    session: app.get(HostSession),
    partitions: app.get(LogPartitions),
    files: app.get(WorkspaceSync),
    deletions: app.get(StoredDeletions),
    runtime,
    app,
  };
  await fixture.host.open(new AbortController().signal);
  return {
    ...fixture,
    runningAgent: async (caller, input) => {
      const agent = await fixture.agents.create(caller, demoAgent(input));
      await fixture.reconciler.reconcile(agent.id);
      return fixture.agents.get(caller, agent.id);
    },
    sweep: async () => {
      await fixture.reconciler.sweep();
      await fixture.reconciler.runner.idle();
    },
    close: async () => {
      await fixture.host.close(false);
      await app.close();
    },
  };
}
