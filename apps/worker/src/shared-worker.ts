import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HostEvacuation, LogPartitions } from '#libs/agents';
import { AuditUpkeep } from '#libs/audit';
import { CONFIG, type Config } from '#libs/config';
import { RunSweeper } from '#libs/conversations';
import { EventLog } from '#libs/events';
import { HeartbeatRunner, HeartbeatUpkeep } from '#libs/heartbeats';
import { InviteRetention, MailSender, OrganisationDeletions } from '#libs/identity';
import { Logger } from '#libs/observability';
import { FileLoader, FileRetention, KnowledgeUpkeep } from '#libs/knowledge';
import { AlertDeliveries, AlertWatcher } from '#libs/monitoring';
import { TeamRunSweeper } from '#libs/orchestration';
import { SkillSweeper } from '#libs/skills';
import { TaskRetention } from '#libs/tasks';
import { UsageSweeper } from '#libs/usage';
import { ScheduleRunner } from './schedule-runner.js';
import { sharedSchedules, teamSchedules, workSchedules } from './schedules.js';

@Injectable()
export class SharedDutiesOf {
  constructor(
    @Inject(CONFIG) readonly config: Config,
    @Inject(LogPartitions) readonly partitions: LogPartitions,
    @Inject(EventLog) readonly events: EventLog,
    @Inject(RunSweeper) readonly runs: RunSweeper,
    @Inject(UsageSweeper) readonly usage: UsageSweeper,
    @Inject(HostEvacuation) readonly hosts: HostEvacuation,
  ) {}
}

/** Those of the domains that only keep house. */
@Injectable()
export class DomainDutiesOf {
  constructor(
    @Inject(TaskRetention) readonly tasks: TaskRetention,
    @Inject(KnowledgeUpkeep) readonly knowledge: KnowledgeUpkeep,
    @Inject(FileLoader) readonly knowledgeFiles: FileLoader,
    @Inject(FileRetention) readonly failedFiles: FileRetention,
    @Inject(SkillSweeper) readonly skills: SkillSweeper,
    @Inject(AuditUpkeep) readonly audit: AuditUpkeep,
  ) {}
}

/** Those for organisations and their people. */
@Injectable()
export class TeamDutiesOf {
  constructor(
    @Inject(CONFIG) readonly config: Config,
    @Inject(MailSender) readonly mails: MailSender,
    @Inject(InviteRetention) readonly invites: InviteRetention,
    @Inject(OrganisationDeletions) readonly organisations: OrganisationDeletions,
  ) {}
}

/** Those that make agents work. */
@Injectable()
export class WorkDutiesOf {
  constructor(
    @Inject(CONFIG) readonly config: Config,
    @Inject(TeamRunSweeper) readonly teamRuns: TeamRunSweeper,
    @Inject(HeartbeatRunner) readonly heartbeats: HeartbeatRunner,
    @Inject(HeartbeatUpkeep) readonly heartbeatUpkeep: HeartbeatUpkeep,
    @Inject(AlertWatcher) readonly alerts: AlertWatcher,
    @Inject(AlertDeliveries) readonly alertDeliveries: AlertDeliveries,
  ) {}
}

/** The timers that every worker runs, whichever its role. */
@Injectable()
export class SharedWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly timers: ScheduleRunner;

  constructor(
    @Inject(SharedDutiesOf) shared: SharedDutiesOf,
    @Inject(DomainDutiesOf) domains: DomainDutiesOf,
    @Inject(TeamDutiesOf) teams: TeamDutiesOf,
    @Inject(WorkDutiesOf) work: WorkDutiesOf,
    @Inject(Logger) logger: Logger,
  ) {
    const common = sharedSchedules({ ...shared, ...domains });
    this.timers = new ScheduleRunner([...common, ...teamSchedules(teams), ...workSchedules(work)], logger);
  }

  onApplicationBootstrap(): void {
    this.timers.start();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.timers.stop();
  }
}
