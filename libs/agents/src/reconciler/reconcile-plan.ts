import type { ContainerState } from '#libs/containers';
import type { AgentStatus } from '../agent.state.js';
import type { ClaimedAgent } from './claimed-agent.js';

/**
 * The one thing to do next.
 *
 * - `none`: desired state reached; `wait`: the next attempt is not due
 * - `announce`: write the status in between; `begin`: write that an instance of this claim is being made
 * - `ensure`, `start`, `await_ready`: make it, run it, wait for its gateway; `mark_running`: write that it runs
 * - `crashed`: a running instance ended; `failed_start`: it ended before it was ready
 * - `discard`: stop and remove an instance, its workspace stays; `mark_stopped`: write that none is left
 * - `depart`: write that a running agent leaves this host; `hand_over`: nothing of it runs here, the next host takes it
 * - `renew`: none is left, so what a repair or a reset of the memory takes away can go
 * - `erase`: remove all that is kept for the agent and write the tombstone
 */
export type StepKind =
  | 'none'
  | 'wait'
  | 'announce'
  | 'begin'
  | 'ensure'
  | 'start'
  | 'await_ready'
  | 'mark_running'
  | 'crashed'
  | 'failed_start'
  | 'discard'
  | 'mark_stopped'
  | 'depart'
  | 'hand_over'
  | 'renew'
  | 'erase';

export type PlannedAgent = Pick<
  ClaimedAgent,
  | 'desiredState'
  | 'desiredGeneration'
  | 'restartGeneration'
  | 'status'
  | 'observedGeneration'
  | 'observedRestartGeneration'
  | 'epoch'
  | 'instanceEpoch'
  | 'endpoint'
  | 'waiting'
  | 'nextHostId'
  | 'repairWanted'
  | 'memoryResetWanted'
>;
export type SeenContainer = Pick<ContainerState, 'status' | 'epoch' | 'endpoint'>;

/** Decides the next step from what is wanted, what is written and what is there. Pure and total. */
export function planStep(agent: PlannedAgent, container: SeenContainer): StepKind {
  if (agent.status === 'deleted') return 'none';
  if (agent.nextHostId !== null && agent.desiredState !== 'deleted') return planMove(agent, container);
  if (agent.waiting) return 'wait';
  if (agent.desiredState !== 'deleted' && (agent.repairWanted || agent.memoryResetWanted)) {
    return container.status === 'missing' ? 'renew' : 'discard';
  }
  switch (agent.desiredState) {
    case 'running':
      return container.status === 'missing' ? planWithout(agent) : planWith(agent, container);
    case 'stopped':
      return planStopped(agent, container);
    case 'deleted':
      if (agent.status !== 'deleting') return 'announce';
      return container.status === 'missing' ? 'erase' : 'discard';
  }
}

/** The status that says "on its way" for each desired state. */
export const STATUS_BETWEEN: Readonly<Record<PlannedAgent['desiredState'], AgentStatus>> = {
  running: 'provisioning',
  stopped: 'stopping',
  deleted: 'deleting',
};

/**
 * True when the instance that is written down was made from what is wanted now. A running one with older settings is
 * kept until somebody asks for a restart; one that is still coming up is made anew.
 */
const isCurrent = (agent: PlannedAgent): boolean =>
  agent.observedRestartGeneration === agent.restartGeneration &&
  (agent.status === 'running' || agent.observedGeneration === agent.desiredGeneration);

/**
 * An instance of the image that the agent is being updated to was made, and has not proved well yet: what fails now is the
 * new image's fault.
 */
export const isOnProbation = (agent: PlannedAgent & Pick<ClaimedAgent, 'previousImage'>): boolean =>
  agent.previousImage !== null &&
  agent.desiredState === 'running' &&
  agent.status !== 'running' &&
  agent.instanceEpoch !== null &&
  agent.observedRestartGeneration === agent.restartGeneration;

function planWithout(agent: PlannedAgent): StepKind {
  if (agent.status === 'running') return 'crashed';
  return agent.instanceEpoch === agent.epoch && isCurrent(agent) ? 'ensure' : 'begin';
}

function planWith(agent: PlannedAgent, container: SeenContainer): StepKind {
  const mine = container.epoch !== null && container.epoch === agent.instanceEpoch;
  if (!mine || !isCurrent(agent)) return 'discard';
  if (container.status === 'created') return planCreated(agent);
  if (container.status === 'exited') return agent.status === 'running' ? 'crashed' : 'failed_start';
  if (agent.status !== 'running') return 'await_ready';
  return container.endpoint === agent.endpoint ? 'none' : 'mark_running';
}

/** What an earlier claim made and did not start may lack the agent's files: whoever made it died before they were there. */
function planCreated(agent: PlannedAgent): StepKind {
  if (agent.status === 'running') return 'crashed';
  return agent.instanceEpoch === agent.epoch ? 'start' : 'discard';
}

function planMove(agent: PlannedAgent, container: SeenContainer): StepKind {
  if (agent.status === 'running') return 'depart';
  return container.status === 'missing' ? 'hand_over' : 'discard';
}

function planStopped(agent: PlannedAgent, container: SeenContainer): StepKind {
  if (container.status !== 'missing') return agent.status === 'stopping' ? 'discard' : 'announce';
  return agent.status === 'stopped' ? 'none' : 'mark_stopped';
}
