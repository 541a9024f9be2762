import type { ContainerState } from '#libs/containers';
import type { AgentStatus } from '../agent.state.js';

/** An agent as the watcher reads it. */
export interface WatchedAgent {
  readonly id: string;
  readonly status: AgentStatus;
  readonly mine: boolean;
  /** Another host holds the present copy of its files. */
  readonly livesElsewhere: boolean;
  readonly instanceEpoch: number | null;
}

export type WatchedContainer = Pick<ContainerState, 'agentId' | 'status' | 'epoch'>;

/** What the watcher does about the difference between rows and instances. */
export interface WatchPlan {
  /** Should run and do not. */
  readonly broken: string[];
  /** Instances that nobody wants: of another epoch, another host, or of an agent that is stopped or deleted. */
  readonly orphans: string[];
  /** Instances whose output is followed. */
  readonly output: string[];
}

const HAS_INSTANCE = new Set<ContainerState['status']>(['created', 'running', 'exited']);

/** Pure; agents somebody works on just now are left out by the caller. An instance without any row is not touched. */
export function planWatch(agents: readonly WatchedAgent[], containers: readonly WatchedContainer[]): WatchPlan {
  const found = new Map(containers.map((container) => [container.agentId, container]));
  const broken = agents.filter(
    (agent) => agent.mine && agent.status === 'running' && !runs(agent, found.get(agent.id)),
  );
  const known = agents.filter((agent) => found.has(agent.id));
  return {
    broken: broken.map((agent) => agent.id),
    orphans: known.filter((agent) => isOrphan(agent, found.get(agent.id))).map((agent) => agent.id),
    output: known.filter((agent) => runs(agent, found.get(agent.id))).map((agent) => agent.id),
  };
}

const runs = (agent: WatchedAgent, container: WatchedContainer | undefined): boolean =>
  container?.status === 'running' && container.epoch === agent.instanceEpoch;

/** True when the instance, or what is left of an agent that was deleted or lives elsewhere, has to go. */
export function isOrphan(agent: WatchedAgent, container: WatchedContainer | undefined): boolean {
  if (!container) return false;
  if (agent.status === 'deleted' || agent.livesElsewhere) return true;
  return HAS_INSTANCE.has(container.status) && (!agent.mine || container.epoch !== agent.instanceEpoch);
}
