import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { AgentReconciler, AgentWatcher, HostAgents, HostSession, StoredDeletions, WorkspaceSync } from '#libs/agents';
import { RestoreDrill } from '#libs/backup';
import { CONFIG, type Config } from '#libs/config';
import { Logger } from '#libs/observability';
import { HostTools, SkillInstaller, SkillPlacer, ToolInstaller, ToolReporter } from '#libs/skills';
import { ScheduleRunner } from './schedule-runner.js';
import { hostSchedules } from './schedules.js';

@Injectable()
export class HostDutiesOf {
  constructor(
    @Inject(HostSession) readonly session: HostSession,
    @Inject(AgentReconciler) readonly reconciler: AgentReconciler,
    @Inject(AgentWatcher) readonly watcher: AgentWatcher,
    @Inject(WorkspaceSync) readonly files: WorkspaceSync,
    @Inject(StoredDeletions) readonly deletions: StoredDeletions,
    @Inject(RestoreDrill) readonly drill: RestoreDrill,
  ) {}
}

@Injectable()
export class SkillDutiesOf {
  constructor(
    @Inject(SkillInstaller) readonly installer: SkillInstaller,
    @Inject(SkillPlacer) readonly placer: SkillPlacer,
    @Inject(HostTools) readonly tools: HostTools,
    @Inject(ToolInstaller) readonly toolInstaller: ToolInstaller,
    @Inject(ToolReporter) readonly toolReporter: ToolReporter,
  ) {}
}

/** The timers of a host's worker, and what happens to its agents when it ends. */
@Injectable()
export class HostWorker implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly timers: ScheduleRunner;
  private readonly opening = new AbortController();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(HostAgents) private readonly agents: HostAgents,
    @Inject(HostDutiesOf) duties: HostDutiesOf,
    @Inject(SkillDutiesOf) skills: SkillDutiesOf,
    @Inject(Logger) logger: Logger,
  ) {
    this.timers = new ScheduleRunner(hostSchedules({ ...duties, ...skills }), logger);
  }

  /** Before the queue hands out the first job. */
  onModuleInit(): Promise<void> {
    return this.agents.open(this.opening.signal);
  }

  onApplicationBootstrap(): void {
    this.timers.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.opening.abort();
    await this.timers.stop();
    await this.agents.close(this.config.host.stopAgentsOnExit);
  }
}
