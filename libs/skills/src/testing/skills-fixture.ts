import { type INestApplicationContext, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { type Agent, AgentReconciler, AgentsService, HostAgents } from '#libs/agents';
import { type Config, ConfigModule } from '#libs/config';
import { CONTAINER_RUNTIME, FakeHost, FakeRuntime } from '#libs/containers';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import type { Caller } from '#libs/kernel';
import { LoggerModule, Metrics, silentLogger } from '#libs/observability';
import { QueueModule, migrateQueue } from '#libs/queue';
import { StorageModule } from '#libs/storage';
import type { Overrides, TestDatabase } from '#libs/testing';
import { type AgentSkill, AgentSkillsService } from '../agent-skills.service.js';
import { SkillInstaller } from '../installing/skill-installer.js';
import { SkillPlacer } from '../installing/skill-placer.js';
import { SkillsModule, SkillsUpkeepModule, SkillsWorkerModule } from '../skills.module.js';
import { SkillsService } from '../skills.service.js';
import { SkillUpdates } from '../updating/skill-updates.service.js';

/** The skills as an API and the worker of a host hold them, on a fake runtime, without timers: the test calls the rounds. */
export interface SkillsFixture {
  readonly app: INestApplicationContext;
  readonly skills: SkillsService;
  readonly installs: AgentSkillsService;
  readonly updates: SkillUpdates;
  readonly installer: SkillInstaller;
  readonly placer: SkillPlacer;
  readonly runtime: FakeRuntime;
  /** An agent that is not made yet. */
  newAgent(caller: Caller): Promise<Agent>;
  runningAgent(caller: Caller): Promise<Agent>;
  /** Brings an agent up. */
  start(agentId: string): Promise<void>;
  /** Paths below `skills/` in the agent's workspace. */
  placed(agentId: string): string[];
  /** Asks for it, has it done, and waits. */
  install(caller: Caller, agentId: string, skillId: string, level: string): Promise<AgentSkill>;
  /** As `install`. */
  update(caller: Caller, agentId: string, skillId: string, digest?: string): Promise<AgentSkill>;
  uninstall(caller: Caller, agentId: string, skillId: string): Promise<void>;
  close(): Promise<void>;
}

const signal = new AbortController().signal;

export async function skillsFixture(
  db: TestDatabase,
  host = new FakeHost(),
  overrides: Overrides<Config> = {},
): Promise<SkillsFixture> {
  const config = db.config({ runtime: 'fake', ...overrides });
  const runtime = new FakeRuntime(host);
  await migrateQueue(config.databaseUrl);

  @Module({ providers: [{ provide: CONTAINER_RUNTIME, useValue: runtime }], exports: [CONTAINER_RUNTIME] })
  class FakeRuntimeModule {}

  const imports = [
    ConfigModule.forRoot(config),
    LoggerModule.forRoot(silentLogger(), new Metrics({ process: false })),
    DatabaseModule.forRoot(),
    EventsModule.forRoot(),
    QueueModule.forProducer(),
    { module: FakeRuntimeModule, global: true },
    StorageModule.forRoot(),
    SkillsModule,
    SkillsWorkerModule,
    SkillsUpkeepModule,
  ];
  const app = await (await Test.createTestingModule({ imports }).compile()).init();
  const find = <T>(type: abstract new (...args: never[]) => T): T => app.get(type, { strict: false });
  const [agents, reconciler, agentHost] = [find(AgentsService), find(AgentReconciler), find(HostAgents)];
  const [installs, installer, placer] = [find(AgentSkillsService), find(SkillInstaller), find(SkillPlacer)];
  const updates = find(SkillUpdates);
  await agentHost.open(signal);
  const newAgent = (caller: Caller): Promise<Agent> =>
    agents.create(caller, { name: 'Ada', secrets: {}, config: { llmProvider: 'demo' } });
  return {
    ...{ app, installs, installer, placer, runtime, newAgent },
    skills: find(SkillsService),
    updates,
    runningAgent: async (caller) => {
      const { id } = await newAgent(caller);
      await reconciler.reconcile(id);
      return agents.get(caller, id);
    },
    start: (agentId) => reconciler.reconcile(agentId),
    placed: (agentId) =>
      [...(host.agents.get(agentId)?.workspace.keys() ?? [])].filter((path) => path.startsWith('skills/')).sort(),
    install: async (caller, agentId, skillId, level) => {
      const requested = await installs.install(caller, agentId, skillId, level);
      await installer.install(requested.installId, signal);
      return installs.settle(caller, requested, { timeoutMs: 0, signal });
    },
    update: async (caller, agentId, skillId, digest) => {
      const requested = await updates.update(caller, agentId, skillId, digest);
      await installer.install(requested.installId, signal);
      return installs.settle(caller, requested, { timeoutMs: 0, signal });
    },
    uninstall: async (caller, agentId, skillId) => {
      await installs.uninstall(caller, agentId, skillId);
      await placer.sweep(signal);
    },
    close: async () => {
      await agentHost.close(false);
      await app.close();
    },
  };
}
