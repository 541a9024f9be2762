import { Inject, Injectable } from '@nestjs/common';
import { AgentReconciler, RECONCILE_AGENT, type ReconcileAgent } from '#libs/agents';
import { HandlesJob, type JobContext } from '#libs/queue';

@Injectable()
export class AgentsProcessor {
  constructor(@Inject(AgentReconciler) private readonly reconciler: AgentReconciler) {}

  @HandlesJob(RECONCILE_AGENT)
  reconcile(job: ReconcileAgent, context: JobContext): Promise<void> {
    return this.reconciler.reconcile(job.agentId, context.signal);
  }
}
