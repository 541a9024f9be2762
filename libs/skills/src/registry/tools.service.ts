import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import { toolsDigest } from '#libs/containers';
import { Database, type Tx } from '#libs/database';
import { Notices } from '#libs/events';
import { type Caller, DomainError, newId, requireRole, requireScope } from '#libs/kernel';
import { JobRinger } from '#libs/queue';
import type { RegistryTool } from './registry-tool.js';
import { type HostReport, type ToolInstall, isToolWorkOpen } from './tool-install.js';
import { type NewToolInstall, TOOL_TOPIC } from './tool-installs.repository.js';
import { ToolTables } from './tool-tables.js';
import { Readiness, type ToolStanding } from './readiness.js';
import { TOOL_REGISTRY, requestOf, toolOf } from './tool-registry.js';
import { installByHand, installPending, notUninstallable, toolNotFound } from './tools.errors.js';
import { WORK_ON_TOOL } from './tools.jobs.js';

const DEFAULT_TIMEOUT_SECONDS = 300;
/** How much longer than the installer the one who asked waits: the host may have been busy. */
const WAIT_LONGER_MS = 30_000;

/** What is asked of an installation. */
export interface InstallTool {
  /** Install it anew when it is there. */
  readonly force: boolean;
  /** 30 to 600. */
  readonly timeoutSeconds?: number | undefined;
}

/** Work on a tool that was asked for, or why there is none to do. */
export interface ToolOutcome {
  readonly tool: RegistryTool;
  readonly message: string;
  readonly logs: readonly string[];
}

/** What the service asks of other domains. */
@Injectable()
export class ToolPorts {
  constructor(
    @Inject(JobRinger) readonly ringer: JobRinger,
    @Inject(Notices) readonly notices: Notices,
    @Inject(AuditLog) readonly audit: AuditLog,
  ) {}
}

/** The registry of tools and what an organisation has of it. Installing is work for a host; readiness is what hosts have reported. */
@Injectable()
export class ToolsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(ToolTables) private readonly tables: ToolTables,
    @Inject(ToolPorts) private readonly ports: ToolPorts,
  ) {}

  /** All of the registry, by name. */
  async list(caller: Caller): Promise<readonly ToolStanding[]> {
    requireScope(caller, 'skills');
    const readiness = await this.readiness(caller);
    return TOOL_REGISTRY.map((tool) => readiness.of(tool));
  }

  /** @throws DomainError `not_found`. */
  async get(caller: Caller, name: string): Promise<ToolStanding> {
    requireScope(caller, 'skills');
    return (await this.readiness(caller)).of(known(name));
  }

  /** The newest work on a tool; undefined when there was none. @throws DomainError `not_found`. */
  async latestWork(caller: Caller, name: string): Promise<ToolInstall | undefined> {
    requireScope(caller, 'skills');
    return this.tables.installs.latest(caller, known(name).name);
  }

  /**
   * Has a host install a tool, and waits until it has; when the one who asked leaves, the host goes on. What is there is not installed
   * again unless `force` asks for it.
   * @throws DomainError `not_found`, `forbidden` below ADMIN; code `manual_tool` where people have to do it; `tools_failed` with the installer's
   * last lines; `unavailable` when no host lives or none has ended in time
   */
  async install(caller: Caller, name: string, wish: InstallTool, signal: AbortSignal): Promise<ToolOutcome> {
    const tool = changed(caller, name);
    const readiness = await this.readiness(caller);
    if (tool.method === 'manual') throw installByHand(tool, `${tool.name} is not installed automatically`);
    const { isEligible, isInstalled } = readiness.of(tool);
    if (isEligible && isInstalled && !wish.force) {
      return { tool, message: `${tool.name} is installed already`, logs: [] };
    }
    const host = readiness.builder(tool);
    if (!host) throw noBuilder(tool, readiness);
    const request = requestOf(tool, wish.force ? newId() : readiness.revisionOf(tool));
    const timeoutSeconds = wish.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
    const work = { name, action: 'install' as const, request, timeoutSeconds };
    const ended = await this.settled(caller, await this.begin(caller, host, work), timeoutSeconds, signal);
    return { tool, message: `${tool.name} is installed`, logs: ended.logs };
  }

  /**
   * Takes a tool from the organisation; its agents lose it when they are made anew.
   * @throws DomainError `not_found`, `forbidden` below ADMIN; code `manual_tool` for what people install, and for what Go has installed unless
   * `force`; `unavailable`
   */
  async uninstall(caller: Caller, name: string, wish: InstallTool, signal: AbortSignal): Promise<ToolOutcome> {
    const tool = changed(caller, name);
    if (tool.method === 'manual') throw notUninstallable(tool);
    if (!(await this.tables.tools.find(caller, name))) {
      return { tool, message: `${name} is not installed`, logs: [] };
    }
    if (tool.method === 'go' && !wish.force) throw notUninstallable(tool);
    const host = (await this.readiness(caller)).anyHost();
    if (!host) throw noHost();
    const timeoutSeconds = wish.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
    const work = { name, action: 'uninstall' as const, request: null, timeoutSeconds };
    const ended = await this.settled(caller, await this.begin(caller, host, work), timeoutSeconds, signal);
    return { tool, message: `${name} is uninstalled`, logs: ended.logs };
  }

  /** The newest work on a tool each time it changes, until it has ended or the signal fires. @throws DomainError `not_found`. */
  async *follow(caller: Caller, name: string, signal: AbortSignal): AsyncGenerator<ToolInstall> {
    const first = await this.latestWork(caller, name);
    if (first) yield first;
    for (let seen = first; seen && isToolWorkOpen(seen) && !signal.aborted;) {
      const { id, logCount, state } = seen;
      const isNews = async (): Promise<ToolInstall | undefined> => {
        const now = await this.tables.installs.find(caller, id);
        return now && now.logCount === logCount && now.state === state ? undefined : now;
      };
      const next = await this.ports.notices.until(TOOL_TOPIC, id, isNews, { timeoutMs: 60_000, signal });
      if (next) yield next;
      seen = next ?? seen;
    }
  }

  private async readiness(caller: Caller): Promise<Readiness> {
    const [hosts, tools] = await Promise.all([this.tables.hosts.reports(), this.tables.tools.list(caller)]);
    return new Readiness(hosts, tools);
  }

  /** The id of the work: of what is under way already where it is the same. */
  private begin(
    caller: Caller,
    host: HostReport,
    work: Omit<NewToolInstall, 'hostId' | 'requestedBy'>,
  ): Promise<string> {
    return this.database.transaction(async (tx) => {
      const wanted = { ...work, hostId: host.hostId, requestedBy: caller.subject };
      const installId = await this.tables.installs.open(tx, caller, wanted);
      if (installId === undefined) return this.underWay(tx, caller, work);
      const { incarnation, hostId } = host;
      await this.ports.ringer.ring(tx, WORK_ON_TOOL, { installId, incarnation }, { hostId });
      const digest = work.request ? toolsDigest(work.request) : '';
      await this.ports.audit.append(tx, caller, done(caller, `tool.${work.action}`, `tool:${work.name}`, { digest }));
      return installId;
    });
  }

  private async underWay(
    tx: Tx,
    caller: Caller,
    { name, action }: Pick<NewToolInstall, 'name' | 'action'>,
  ): Promise<string> {
    const present = await this.tables.installs.latest(caller, name, tx);
    if (present?.action === action) return present.id;
    throw new DomainError('conflict', 'tool_busy', `${name} is just being changed; wait until that has ended`);
  }

  private async settled(
    caller: Caller,
    installId: string,
    timeoutSeconds: number,
    signal: AbortSignal,
  ): Promise<ToolInstall> {
    const ended = await this.ports.notices.until(
      TOOL_TOPIC,
      installId,
      async () => {
        const work = await this.tables.installs.find(caller, installId);
        return work && isToolWorkOpen(work) ? undefined : work;
      },
      { timeoutMs: timeoutSeconds * 1000 + WAIT_LONGER_MS, signal },
    );
    if (!ended) throw installPending();
    if (ended.error !== null) throw new DomainError('unprocessable', 'tools_failed', ended.error);
    return ended;
  }
}

function known(name: string): RegistryTool {
  const tool = toolOf(name);
  if (!tool) throw toolNotFound();
  return tool;
}

/** Tools are the whole organisation's: its admins change them. */
function changed(caller: Caller, name: string): RegistryTool {
  requireScope(caller, 'skills');
  requireRole(caller, 'ADMIN');
  return known(name);
}

function noBuilder(tool: RegistryTool, readiness: Readiness): DomainError {
  if (!readiness.anyHost()) return noHost();
  const why = readiness.inContainers
    ? `No host has a registry for ${tool.method}`
    : 'Agents run as processes here, and nothing is installed for them';
  return installByHand(tool, why);
}

const noHost = (): DomainError =>
  new DomainError('unavailable', 'no_host', 'No host of agents is running just now', { retryAfterSeconds: 30 });
