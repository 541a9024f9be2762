import { setTimeout as sleep } from 'node:timers/promises';
import {
  AgentReconciler,
  AgentWatcher,
  HostEvacuation,
  HostSession,
  LogPartitions,
  StoredDeletions,
  WorkspaceSync,
} from '#libs/agents';
import type { AuditUpkeep } from '#libs/audit';
import type { Config } from '#libs/config';
import { RunSweeper } from '#libs/conversations';
import { EventLog } from '#libs/events';
import type { HeartbeatRunner, HeartbeatUpkeep } from '#libs/heartbeats';
import type { FileLoader, FileRetention, KnowledgeUpkeep } from '#libs/knowledge';
import type { InviteRetention, MailSender } from '#libs/identity';
import type { AlertDeliveries, AlertWatcher } from '#libs/monitoring';
import type { TeamRunSweeper } from '#libs/orchestration';
import type { OrganisationDeletions } from '#libs/identity';
import type { RestoreDrill } from '#libs/backup';
import type { HostTools, SkillInstaller, SkillPlacer, SkillSweeper, ToolInstaller, ToolReporter } from '#libs/skills';
import type { TaskRetention } from '#libs/tasks';
import { UsageSweeper } from '#libs/usage';
import type { Schedule } from './schedule.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const RETENTION_BATCH = 5_000;

/** What the worker of a host does by the clock. */
export interface HostDuties {
  readonly session: HostSession;
  readonly drill: RestoreDrill;
  readonly reconciler: AgentReconciler;
  readonly watcher: AgentWatcher;
  readonly files: WorkspaceSync;
  readonly deletions: StoredDeletions;
  readonly installer: SkillInstaller;
  readonly placer: SkillPlacer;
  readonly tools: HostTools;
  readonly toolInstaller: ToolInstaller;
  readonly toolReporter: ToolReporter;
}

/** What any worker does by the clock, for all. */
export interface SharedDuties {
  readonly config: Config;
  readonly partitions: LogPartitions;
  readonly events: EventLog;
  readonly runs: RunSweeper;
  readonly usage: UsageSweeper;
  readonly hosts: HostEvacuation;
  readonly tasks: TaskRetention;
  readonly knowledge: KnowledgeUpkeep;
  readonly knowledgeFiles: FileLoader;
  readonly failedFiles: FileRetention;
  readonly skills: SkillSweeper;
  readonly audit: AuditUpkeep;
}

/** What any worker does by the clock for organisations and their people. */
export interface TeamDuties {
  readonly config: Config;
  readonly mails: MailSender;
  readonly invites: InviteRetention;
  readonly organisations: OrganisationDeletions;
}

/** What any worker does by the clock that makes agents work. */
export interface WorkDuties {
  readonly config: Config;
  readonly teamRuns: TeamRunSweeper;
  readonly heartbeats: HeartbeatRunner;
  readonly heartbeatUpkeep: HeartbeatUpkeep;
  readonly alerts: AlertWatcher;
  readonly alertDeliveries: AlertDeliveries;
}

/** Every timer of a host's worker but one: the outbox sweep belongs to the queue (`libs/queue`, each second). */
export const hostSchedules = ({
  session,
  reconciler,
  watcher,
  files,
  deletions,
  drill,
  installer,
  placer,
  tools,
  toolInstaller,
  toolReporter,
}: HostDuties): Schedule[] => [
  { name: 'host.beat', everyMs: 4 * SECOND_MS, run: () => session.beat() },
  { name: 'agents.sweep', everyMs: SECOND_MS, run: () => reconciler.sweep() },
  { name: 'agents.watch', everyMs: 2 * SECOND_MS, run: (signal) => watcher.watch(signal) },
  { name: 'agents.stats', everyMs: 10 * SECOND_MS, run: (signal) => watcher.reportStats(signal) },
  { name: 'files.sync', everyMs: 10 * SECOND_MS, run: (signal) => files.syncDue(signal) },
  { name: 'skills.install', everyMs: SECOND_MS, run: (signal) => atMost(5 * SECOND_MS, installer.sweep(signal)) },
  { name: 'skills.place', everyMs: SECOND_MS, run: (signal) => atMost(5 * SECOND_MS, placer.sweep(signal)) },
  { name: 'files.delete', everyMs: 30 * SECOND_MS, run: (signal) => deletions.run(signal) },
  { name: 'tools.work', everyMs: SECOND_MS, run: (signal) => atMost(5 * SECOND_MS, toolInstaller.sweep(signal)) },
  { name: 'tools.report', everyMs: 30 * SECOND_MS, run: (signal) => toolReporter.report(signal) },
  { name: 'tools.sweep', everyMs: 10 * MINUTE_MS, run: (signal) => tools.sweep(signal) },
  { name: 'backup.rehearse', everyMs: 10 * MINUTE_MS, run: (signal) => drill.runDue(signal) },
];

/** Every timer of any worker. Rate limits, idempotency keys and login sessions are swept by the API, which writes them. */
export const sharedSchedules = ({
  config,
  partitions,
  events,
  runs,
  usage,
  hosts,
  tasks,
  knowledge,
  knowledgeFiles,
  failedFiles,
  skills,
  audit,
}: SharedDuties): Schedule[] => [
  { name: 'hosts.evacuate', everyMs: 2 * SECOND_MS, run: (signal) => hosts.run(signal) },
  { name: 'runs.close-dead', everyMs: 2 * SECOND_MS, run: () => runs.closeRunsOfDeadInstances() },
  { name: 'usage.settle-dead', everyMs: 5 * SECOND_MS, run: (signal) => usage.settleCallsOfDeadInstances(signal) },
  { name: 'logs.partitions', everyMs: HOUR_MS, run: () => partitions.maintain() },
  {
    name: 'events.retention',
    everyMs: 10 * MINUTE_MS,
    run: (signal) => dropOld(events, config.limits.eventRetentionDays, signal),
  },
  {
    name: 'chats.retention',
    everyMs: 10 * MINUTE_MS,
    run: (signal) => dropOld(runs, config.limits.chatRetentionDays, signal),
  },
  { name: 'audit.seal', everyMs: SECOND_MS, run: () => audit.seal() },
  { name: 'audit.checkpoint', everyMs: MINUTE_MS, run: (signal) => audit.checkpoint(signal) },
  {
    name: 'audit.retention',
    everyMs: HOUR_MS,
    run: (signal) => dropOld(audit, config.limits.auditRetentionDays, signal),
  },
  { name: 'knowledge.reembed', everyMs: 10 * SECOND_MS, run: (signal) => knowledge.reembed(signal) },
  { name: 'knowledge.files', everyMs: 5 * SECOND_MS, run: (signal) => knowledgeFiles.loadDue(signal) },
  {
    name: 'knowledge.failed-files',
    everyMs: HOUR_MS,
    run: (signal) => dropOld(failedFiles, config.limits.knowledgeFileRetentionDays, signal),
  },
  { name: 'knowledge.orphans', everyMs: MINUTE_MS, run: (signal) => knowledge.dropOrphans(signal) },
  {
    name: 'tasks.retention',
    everyMs: HOUR_MS,
    run: (signal) => dropOld(tasks, config.limits.taskRetentionDays, signal),
  },
  { name: 'skills.sweep', everyMs: HOUR_MS, run: (signal) => skills.sweep(signal) },
  { name: 'skills.rescan', everyMs: MINUTE_MS, run: (signal) => skills.rescan(signal) },
  {
    name: 'usage.retention',
    everyMs: HOUR_MS,
    run: (signal) => dropOld(usage, config.limits.usageRetentionDays, signal),
  },
];

export const teamSchedules = ({ config, mails, invites, organisations }: TeamDuties): Schedule[] => [
  { name: 'organisations.delete', everyMs: SECOND_MS, run: (signal) => organisations.advance(signal) },
  { name: 'mails.send-due', everyMs: 5 * SECOND_MS, run: (signal) => mails.sendDue(signal) },
  {
    name: 'invites.retention',
    everyMs: HOUR_MS,
    run: (signal) => dropOld(invites, config.limits.inviteRetentionDays, signal),
  },
];

export const workSchedules = ({
  config,
  teamRuns,
  heartbeats,
  heartbeatUpkeep,
  alerts,
  alertDeliveries,
}: WorkDuties): Schedule[] => [
  { name: 'alerts.watch', everyMs: 5 * SECOND_MS, run: (signal) => alerts.watch(signal) },
  { name: 'alerts.deliver', everyMs: 2 * SECOND_MS, run: (signal) => alertDeliveries.sendDue(signal) },
  { name: 'orchestration.sweep', everyMs: 2 * SECOND_MS, run: (signal) => teamRuns.sweep(signal) },
  {
    name: 'orchestration.retention',
    everyMs: HOUR_MS,
    run: (signal) => dropOld(teamRuns, config.limits.taskRetentionDays, signal),
  },
  { name: 'heartbeats.due', everyMs: SECOND_MS, run: () => heartbeats.runDue() },
  { name: 'heartbeats.interrupt', everyMs: 2 * SECOND_MS, run: () => heartbeatUpkeep.interruptOfDeadInstances() },
  {
    name: 'heartbeats.retention',
    everyMs: HOUR_MS,
    run: (signal) => dropOld(heartbeatUpkeep, config.limits.heartbeatRetentionDays, signal),
  },
];

/** Waits no longer: one thing that is slow does not keep the next round from the others. */
const atMost = (ms: number, work: Promise<void>): Promise<void> =>
  Promise.race([work, sleep(ms, undefined, { ref: false })]);

interface Kept {
  deleteBefore(before: Date, limit: number): Promise<number>;
}

async function dropOld(kept: Kept, days: number, signal: AbortSignal): Promise<void> {
  const before = new Date(Date.now() - days * DAY_MS);
  while (!signal.aborted && (await kept.deleteBefore(before, RETENTION_BATCH)) === RETENTION_BATCH);
}
