import { Inject, Injectable } from '@nestjs/common';
import { CONTAINER_RUNTIME, type ContainerRuntime } from '#libs/containers';
import { Logger } from '#libs/observability';
import { HostSession } from '../hosts/host-session.js';
import { LogPartitions } from '../logs/log-partitions.js';
import { AgentProgress } from './agent-progress.js';
import { InstanceRemains } from './instance-remains.js';
import { AgentReconciler } from './reconciler.js';
import type { ClaimedAgent } from './claimed-agent.js';

const DRAIN_MS = 8_000;
const STOP_ALL_TIMEOUT_MS = 5_000;
const STOP_ALL_SYNC_MS = 5_000;
const STOPS_AT_ONCE = 16;
const LAST_OUTPUT_MS = 3_000;

/** What {@link HostAgents} opens and closes besides the reconciler. */
@Injectable()
export class HostServices {
  constructor(
    @Inject(HostSession) readonly session: HostSession,
    @Inject(LogPartitions) readonly partitions: LogPartitions,
    @Inject(AgentProgress) readonly progress: AgentProgress,
  ) {}
}

/** Beginning and end of a worker's time with its host's agents. */
@Injectable()
export class HostAgents {
  constructor(
    @Inject(HostServices) private readonly services: HostServices,
    @Inject(CONTAINER_RUNTIME) private readonly runtime: ContainerRuntime,
    @Inject(AgentReconciler) private readonly reconciler: AgentReconciler,
    @Inject(InstanceRemains) private readonly remains: InstanceRemains,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** Prepares the host. */
  async open(signal: AbortSignal): Promise<void> {
    await this.services.partitions.maintain();
    await this.runtime.prepare(signal);
  }

  /**
   * Lets steps under way end. With `stopAgents` the instances are stopped too; what their owners want stays, so the next
   * start brings them back.
   */
  async close(stopAgents: boolean): Promise<void> {
    await this.reconciler.close(DRAIN_MS);
    if (stopAgents) {
      await this.stopAll().catch((error: unknown) => this.logger.error('Agents were not all stopped', { error }));
    }
    await this.remains.shipper.close(LAST_OUTPUT_MS);
    await this.services.session.close();
  }

  private async stopAll(): Promise<void> {
    const agents = await this.services.progress.claims.claimInstances();
    const stopNext = async (): Promise<void> => {
      for (let agent = agents.pop(); agent; agent = agents.pop()) await this.stopOne(agent);
    };
    await Promise.all(Array.from({ length: STOPS_AT_ONCE }, stopNext));
  }

  private async stopOne(agent: ClaimedAgent): Promise<void> {
    const signal = AbortSignal.timeout(STOP_ALL_TIMEOUT_MS * 2 + STOP_ALL_SYNC_MS);
    try {
      await this.runtime.stop(agent.id, STOP_ALL_TIMEOUT_MS, signal);
      await this.remains.keep(agent.id, signal, STOP_ALL_SYNC_MS);
      await this.runtime.remove(agent.id, { wipe: false }, signal);
      if (agent.desiredState !== 'deleted') await this.services.progress.stopped(agent, 'the worker ended');
    } catch (error) {
      this.logger.warn('An agent was not stopped', { agentId: agent.id, error });
    }
  }
}
