import type { AgentConfig, AgentRuntime, ErrorCategory } from '../agent.js';
import type { AgentStatus, DesiredState } from '../agent.state.js';

/** An agent as its reconciler holds it, read under the claim `epoch`. */
export interface ClaimedAgent {
  readonly id: string;
  readonly orgId: string;
  readonly swarmId: string | null;
  readonly name: string;
  readonly persona: string | null;
  readonly runtime: AgentRuntime;
  readonly image: string;
  /** What the image was when the agent was ready on it last. */
  readonly imageId: string | null;
  /** Where it goes back to when the image it is being updated to does not get well; null: no update is under way. */
  readonly previousImage: string | null;
  readonly config: AgentConfig;
  readonly hostId: string;
  /** Where it is about to move; null: it stays. */
  readonly nextHostId: string | null;
  readonly desiredState: DesiredState;
  readonly desiredGeneration: number;
  readonly restartGeneration: number;
  readonly status: AgentStatus;
  /** Generations the present instance was made from. */
  readonly observedGeneration: number;
  readonly observedRestartGeneration: number;
  /** The claim: every write says `WHERE epoch = this`. */
  readonly epoch: number;
  /** The claim under which the present instance was made; null when none may act. */
  readonly instanceEpoch: number | null;
  readonly endpoint: string | null;
  /** Wanted before the next instance is made, when none is left. */
  readonly repairWanted: boolean;
  readonly memoryResetWanted: boolean;
  readonly attempts: number;
  /** The next attempt is not due yet, or given up until a user acts. */
  readonly waiting: boolean;
  readonly startedAt: Date | null;
  readonly errorCategory: ErrorCategory | null;
}

export const CLAIMED_COLUMNS = `
  id, org_id, swarm_id, name, persona, runtime, image, image_id, previous_image, config, host_id, next_host_id, desired_state, desired_generation, restart_generation,
  status, observed_generation, observed_restart_generation, epoch, instance_epoch, endpoint, repair_wanted, memory_reset_wanted, attempts,
  coalesce(next_attempt_at > clock_timestamp(), false) AS waiting, started_at, error_category, event_seq`;

export interface ClaimedRow {
  readonly id: string;
  readonly org_id: string;
  readonly swarm_id: string | null;
  readonly name: string;
  readonly persona: string | null;
  readonly runtime: AgentRuntime;
  readonly image: string;
  readonly image_id: string | null;
  readonly previous_image: string | null;
  readonly config: AgentConfig;
  readonly host_id: string;
  readonly next_host_id: string | null;
  readonly desired_state: DesiredState;
  readonly desired_generation: number;
  readonly restart_generation: number;
  readonly status: AgentStatus;
  readonly observed_generation: number;
  readonly observed_restart_generation: number;
  readonly epoch: string;
  readonly instance_epoch: string | null;
  readonly endpoint: string | null;
  readonly repair_wanted: boolean;
  readonly memory_reset_wanted: boolean;
  readonly attempts: number;
  readonly waiting: boolean;
  readonly started_at: Date | null;
  readonly error_category: ErrorCategory | null;
  readonly event_seq: string;
}

export const toClaimed = (row: ClaimedRow): ClaimedAgent => ({
  id: row.id,
  orgId: row.org_id,
  swarmId: row.swarm_id,
  name: row.name,
  persona: row.persona,
  runtime: row.runtime,
  image: row.image,
  imageId: row.image_id,
  previousImage: row.previous_image,
  config: row.config,
  hostId: row.host_id,
  nextHostId: row.next_host_id,
  desiredState: row.desired_state,
  desiredGeneration: row.desired_generation,
  restartGeneration: row.restart_generation,
  status: row.status,
  observedGeneration: row.observed_generation,
  observedRestartGeneration: row.observed_restart_generation,
  epoch: Number(row.epoch),
  instanceEpoch: row.instance_epoch === null ? null : Number(row.instance_epoch),
  endpoint: row.endpoint,
  repairWanted: row.repair_wanted,
  memoryResetWanted: row.memory_reset_wanted,
  attempts: row.attempts,
  waiting: row.waiting,
  startedAt: row.started_at,
  errorCategory: row.error_category,
});
