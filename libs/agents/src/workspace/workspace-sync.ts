import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { CONTAINER_RUNTIME, type ContainerRuntime } from '#libs/containers';
import { isDatabaseDown } from '#libs/database';
import { DomainError } from '#libs/kernel';
import { Logger, Metrics } from '#libs/observability';
import { OBJECT_STORAGE, type ObjectStorage } from '#libs/storage';
import { ExclusiveRuns } from './exclusive-runs.js';
import { Spool } from './spool.js';
import type { StoredWorkspace, SyncOutcome, WorkspaceChange } from './stored-workspace.js';
import { WorkspaceReading } from './workspace-reading.js';
import { SupersededError, WorkspacesRepository } from './workspaces.repository.js';

const MEGABYTE = 1024 * 1024;
/** One sync may take this long: what is slower would never end. */
const DEADLINE_MS = 10 * 60_000;
const AT_ONCE = 4;
const DUE_BATCH = 50;
const LONGEST_RETRY_SECONDS = 3_600;
/** How much of a workspace is looked at, for each byte that may be stored: caches and links count too. */
const LOOKED_AT_FACTOR = 4;
const MOST_MESSAGE_CHARACTERS = 500;

/** What syncs say of themselves. */
@Injectable()
export class WorkspaceReports {
  readonly runs;
  readonly bytes;

  constructor(
    @Inject(Metrics) metrics: Metrics,
    @Inject(Logger) readonly logger: Logger,
  ) {
    this.runs = metrics.counter('rookery_workspace_syncs_total', 'Looks at the files of agents', ['outcome']);
    this.bytes = metrics.counter('rookery_workspace_stored_bytes_total', 'Bytes of agents` files that were stored');
  }
}

/** Stores what agents of this host wrote: only what changed, and as a whole or not at all. */
@Injectable()
export class WorkspaceSync {
  /** One at a time an agent. */
  readonly active = new ExclusiveRuns();
  private readonly spool: Spool;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CONTAINER_RUNTIME) private readonly runtime: ContainerRuntime,
    @Inject(OBJECT_STORAGE) private readonly storage: ObjectStorage,
    @Inject(WorkspacesRepository) private readonly workspaces: WorkspacesRepository,
    @Inject(WorkspaceReports) private readonly reports: WorkspaceReports,
  ) {
    this.spool = new Spool(join(config.dataDir, 'spool'));
  }

  /**
   * Stores the agent's files as they are now; a sync under way is broken off for it. A failure is written down and
   * told by the outcome. @throws only while Postgres is away, or when the signal fires.
   */
  syncNow(agentId: string, signal: AbortSignal, deadlineMs = DEADLINE_MS): Promise<SyncOutcome> {
    return this.active.instead(agentId, signal, (stop) => this.sync(agentId, stop, deadlineMs));
  }

  /** Looks at the agents whose time has come. */
  async syncDue(signal: AbortSignal): Promise<void> {
    const ids = await this.workspaces.due(this.active.keys, DUE_BATCH);
    const next = async (): Promise<void> => {
      for (let id = ids.shift(); id !== undefined && !signal.aborted; id = ids.shift())
        await this.unlessActive(id, signal);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  }

  private async unlessActive(agentId: string, signal: AbortSignal): Promise<void> {
    if (this.active.has(agentId)) return;
    await this.active
      .instead(agentId, signal, (stop) => this.sync(agentId, stop, DEADLINE_MS))
      .catch((error: unknown) => this.reports.logger.debug('A sync ended early', { agentId, error }));
  }

  private async sync(agentId: string, signal: AbortSignal, deadlineMs: number): Promise<SyncOutcome> {
    const workspace = await this.workspaces.load(agentId);
    if (!workspace) return 'superseded';
    const deadline = AbortSignal.timeout(deadlineMs);
    let outcome: SyncOutcome;
    try {
      outcome = await this.store(workspace, AbortSignal.any([signal, deadline]));
    } catch (error) {
      signal.throwIfAborted();
      if (isDatabaseDown(error)) throw error;
      outcome = await this.failed(workspace, deadline.aborted ? tooSlow(deadlineMs) : error);
    }
    this.reports.runs.inc({ outcome });
    return outcome;
  }

  private async store(workspace: StoredWorkspace, signal: AbortSignal): Promise<SyncOutcome> {
    const { agentId, image, runtime } = workspace;
    const mark = await this.runtime.workspaces.mark(agentId, image);
    if (mark !== workspace.copyId) throw notThePresentCopy();
    const store = await this.storage.identify();
    const before = store === workspace.store ? await this.workspaces.files(workspace, agentId) : [];
    const { maxFileMb, maxMb, syncEverySeconds } = this.config.workspace;
    const limits = { maxFileBytes: maxFileMb * MEGABYTE, maxBytes: maxMb * MEGABYTE };
    const reading = new WorkspaceReading(workspace, before, limits, this.spool, async (key, content) => {
      await this.workspaces.announce(workspace, store, key);
      await this.storage.put(key, content.open(), signal);
      this.reports.bytes.inc({}, content.sizeBytes);
    });
    const mostBytes = limits.maxBytes * LOOKED_AT_FACTOR;
    const change = await reading.run(this.runtime.workspaces.read(agentId, { runtime, image, mostBytes, signal }));
    signal.throwIfAborted();
    const changed = isChange(change) || (workspace.store !== null && workspace.store !== store);
    if (changed) await this.workspaces.write(workspace, store, change, syncEverySeconds);
    else await this.workspaces.unchanged(workspace, change, syncEverySeconds);
    return changed ? 'stored' : 'unchanged';
  }

  private async failed(workspace: StoredWorkspace, error: unknown): Promise<SyncOutcome> {
    if (error instanceof SupersededError) return 'superseded';
    const code = error instanceof DomainError ? error.code : 'sync_failed';
    const message = (error instanceof Error ? error.message : String(error)).slice(0, MOST_MESSAGE_CHARACTERS);
    const { agentId, attempts } = workspace;
    this.reports.logger.warn('The files of an agent were not stored', { agentId, error });
    const retrySeconds = Math.min(
      LONGEST_RETRY_SECONDS,
      this.config.workspace.syncEverySeconds * 2 ** Math.min(attempts, 8),
    );
    try {
      await this.workspaces.failed(workspace, { code, message }, retrySeconds);
    } catch (failure) {
      if (!(failure instanceof SupersededError)) throw failure;
      return 'superseded';
    }
    return 'failed';
  }
}

const isChange = ({ uploaded, gone }: WorkspaceChange): boolean => uploaded.length > 0 || gone.length > 0;

const tooSlow = (deadlineMs: number): DomainError =>
  new DomainError('unavailable', 'sync_timeout', `The files were not stored within ${deadlineMs / 1000} s`);

const notThePresentCopy = (): DomainError =>
  new DomainError(
    'conflict',
    'not_the_present_copy',
    'The workspace on this host is not the one that was stored last; the next start brings that one back',
  );
