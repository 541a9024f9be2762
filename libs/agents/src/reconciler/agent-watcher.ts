import { Inject, Injectable } from '@nestjs/common';
import { CONTAINER_RUNTIME, type ContainerRuntime } from '#libs/containers';
import { isUuid } from '#libs/kernel';
import { Logger } from '#libs/observability';
import { LogShipper } from '../logs/log-shipper.js';
import { AgentReconciler } from './reconciler.js';
import { LONGEST_STOP_MS } from './runtime-limits.js';
import { isOrphan, planWatch } from './watch-plan.js';
import { type AgentReport, WatchRepository } from './watch.repository.js';

const STATS_AT_ONCE = 8;

/** Compares what runs on this host with what should: one listing and one query a round, however many agents there are. */
@Injectable()
export class AgentWatcher {
  /** Agents that ran in the last round. */
  private running: readonly string[] = [];

  constructor(
    @Inject(WatchRepository) private readonly agents: WatchRepository,
    @Inject(CONTAINER_RUNTIME) private readonly runtime: ContainerRuntime,
    @Inject(AgentReconciler) private readonly reconciler: AgentReconciler,
    @Inject(LogShipper) private readonly shipper: LogShipper,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** Has agents that ended restarted, removes instances nobody wants, and follows the output of the others. */
  async watch(signal: AbortSignal): Promise<void> {
    const containers = (await this.runtime.list()).filter((container) => isUuid(container.agentId));
    const agents = await this.agents.all(containers.map((container) => container.agentId));
    const idle = agents.filter((agent) => !this.reconciler.runner.isBusy(agent.id));
    const plan = planWatch(idle, containers);
    this.running = plan.output;
    await this.shipper.follow(plan.output);
    for (const id of plan.broken) {
      this.reconciler
        .reconcile(id)
        .catch((error: unknown) => this.logger.warn('An agent was not restarted yet', { agentId: id, error }));
    }
    for (const id of plan.orphans) {
      if (this.reconciler.runner.isBusy(id) || signal.aborted) continue;
      await this.reconciler.runner
        .run(id, () => this.removeOrphan(id, signal))
        .catch((error: unknown) => this.logger.warn('An orphan was not removed yet', { agentId: id, error }));
    }
  }

  /** Reports the resources of the agents that run. */
  async reportStats(signal: AbortSignal): Promise<void> {
    const reports: AgentReport[] = [];
    const queue = [...this.running];
    const measure = async (): Promise<void> => {
      for (let id = queue.pop(); id !== undefined && !signal.aborted; id = queue.pop()) {
        const stats = await this.runtime.stats(id).catch(() => null);
        if (stats) reports.push({ agentId: id, ...stats });
      }
    };
    await Promise.all(Array.from({ length: STATS_AT_ONCE }, measure));
    if (reports.length > 0) await this.agents.report(reports);
  }

  /** Looks again first: between the two reads of a round the agent may have been started. */
  private async removeOrphan(id: string, signal: AbortSignal): Promise<void> {
    const agent = await this.agents.one(id);
    const container = await this.runtime.inspect(id);
    if (!agent || !isOrphan(agent, container)) return;
    const deleted = agent.status === 'deleted';
    const wipe = deleted || agent.livesElsewhere;
    this.logger.info('Removing an orphan', { agentId: id, epoch: container.epoch, status: agent.status });
    if (container.status === 'running') await this.runtime.stop(id, LONGEST_STOP_MS, signal);
    await (agent.mine && !deleted ? this.shipper.finish(id, signal) : this.shipper.forget(id));
    await this.runtime.remove(id, { wipe }, signal);
  }
}
