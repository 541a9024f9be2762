import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { HostAgents } from '#libs/agents';
import { type Config, ConfigModule } from '#libs/config';
import { type AgentTools, CONTAINER_RUNTIME, FakeHost, FakeRuntime } from '#libs/containers';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { LoggerModule, Metrics, silentLogger } from '#libs/observability';
import { QueueModule } from '#libs/queue';
import { SkillInstaller, SkillPlacer, SkillsWorkerModule, ToolInstaller, ToolReporter } from '#libs/skills';
import { StorageModule } from '#libs/storage';
import type { Overrides } from '#libs/testing';
import type { ApiFixture } from './api-fixture.js';

const ROUND_MS = 20;

/** A host that does nothing for its agents but install skills, into workspaces in memory, and tools where it is given some. */
export interface SkillHost {
  readonly id: string;
  readonly runtime: FakeRuntime;
  /** While it is paused, it begins nothing. */
  pause(isPaused: boolean): void;
  /** Writes down anew what the host has. */
  report(): Promise<void>;
  close(): Promise<void>;
}

export async function startSkillHost(
  api: ApiFixture,
  overrides: Overrides<Config> = {},
  tools: AgentTools | null = null,
): Promise<SkillHost> {
  const id = 'skill-host';
  const runtime = Object.assign(new FakeRuntime(new FakeHost()), { tools });

  @Module({ providers: [{ provide: CONTAINER_RUNTIME, useValue: runtime }], exports: [CONTAINER_RUNTIME] })
  class FakeRuntimeModule {}

  const imports = [
    ConfigModule.forRoot(api.db.config({ runtime: 'fake', host: { id }, ...overrides })),
    LoggerModule.forRoot(silentLogger(), new Metrics({ process: false })),
    DatabaseModule.forRoot(),
    EventsModule.forRoot(),
    QueueModule.forProducer(),
    { module: FakeRuntimeModule, global: true },
    StorageModule.forRoot(),
    SkillsWorkerModule,
  ];
  const app = await (await Test.createTestingModule({ imports }).compile()).init();
  const [installer, placer] = [app.get(SkillInstaller), app.get(SkillPlacer)];
  const [toolInstaller, reporter] = [app.get(ToolInstaller), app.get(ToolReporter)];
  const closing = new AbortController();
  await reporter.report(closing.signal);
  let paused = false;
  const rounds = (async () => {
    while (!closing.signal.aborted) {
      if (!paused) await installer.sweep(closing.signal);
      if (!paused) await placer.sweep(closing.signal);
      if (!paused) await toolInstaller.sweep(closing.signal);
      await sleep(ROUND_MS);
    }
  })();
  return {
    id,
    runtime,
    pause: (isPaused) => (paused = isPaused),
    report: () => reporter.report(closing.signal),
    close: async () => {
      closing.abort();
      await rounds;
      await app.get(HostAgents, { strict: false }).close(false);
      await app.close();
    },
  };
}
