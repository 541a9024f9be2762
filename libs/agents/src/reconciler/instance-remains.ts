import { Inject, Injectable } from '@nestjs/common';
import type { ContainerSpec, ContainerState } from '#libs/containers';
import { isDatabaseDown } from '#libs/database';
import { Logger } from '#libs/observability';
import { LogShipper } from '../logs/log-shipper.js';
import { WorkspaceRestore } from '../workspace/workspace-restore.js';
import { WorkspaceSync } from '../workspace/workspace-sync.js';
import type { ClaimedAgent } from './claimed-agent.js';

/** A stop waits no longer for the files to be stored: they stay on the host and are tried again. */
const STOP_SYNC_MS = 30_000;

/** What outlives an instance: its output and its files. */
@Injectable()
export class InstanceRemains {
  constructor(
    @Inject(LogShipper) readonly shipper: LogShipper,
    @Inject(WorkspaceSync) private readonly sync: WorkspaceSync,
    @Inject(WorkspaceRestore) private readonly restore: WorkspaceRestore,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** Makes the instance, its workspace being what the agent wrote last. */
  ensure(agent: ClaimedAgent, spec: ContainerSpec, signal: AbortSignal): Promise<ContainerState> {
    return this.restore.ensure(agent, spec, signal);
  }

  /**
   * Stores files and last output of an instance that has ended and is about to be removed.
   * @returns false when the files could not be stored: they stay on this host.
   */
  async keep(agentId: string, signal: AbortSignal, patienceMs = STOP_SYNC_MS): Promise<boolean> {
    const kept = await this.keepFiles(agentId, signal, patienceMs);
    await this.shipper.finish(agentId, signal);
    return kept;
  }

  /** Nothing is to be kept of a deleted agent. */
  async forget(agentId: string): Promise<void> {
    await this.sync.active.end(agentId);
    await this.shipper.forget(agentId);
  }

  private async keepFiles(agentId: string, signal: AbortSignal, patienceMs: number): Promise<boolean> {
    try {
      return (await this.sync.syncNow(agentId, signal, patienceMs)) !== 'failed';
    } catch (error) {
      if (signal.aborted || isDatabaseDown(error)) throw error;
      this.logger.warn('The files of an agent were not stored at its stop', { agentId, error });
      return false;
    }
  }
}
