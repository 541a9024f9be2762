import { IsInt, IsUUID } from 'class-validator';
import { defineJob } from '#libs/queue';

export class ReconcileAgent {
  @IsUUID()
  agentId!: string;

  /** Of the host the job goes to: a restarted worker must not wait for the jobs of its predecessor. */
  @IsInt()
  incarnation!: number;
}

/** The doorbell of one agent. Carries no state: the handler reads it, the sweep repeats it. */
export const RECONCILE_AGENT = defineJob<ReconcileAgent>({
  name: 'agents.reconcile',
  queue: 'host',
  payload: ReconcileAgent,
  attempts: 1,
  deduplicate: (payload) => `${payload.agentId}.${payload.incarnation}`,
});

export const agentJobs = [RECONCILE_AGENT];
