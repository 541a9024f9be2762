import type { Agent, AgentStatus, ListAgents } from '#libs/agents';

/** The states of an agent as the contract names them. */
export const CONTRACT_STATUSES = ['provisioning', 'running', 'paused', 'stopped', 'failed'] as const;
export type ContractStatus = (typeof CONTRACT_STATUSES)[number];

const NAMES: Readonly<Record<AgentStatus, Exclude<ContractStatus, 'paused'>>> = {
  provisioning: 'provisioning',
  restarting: 'provisioning',
  running: 'running',
  stopping: 'stopped',
  stopped: 'stopped',
  error: 'failed',
  deleting: 'stopped',
  deleted: 'stopped',
};

const STOPPED: readonly AgentStatus[] = ['stopping', 'stopped'];

/** A paused agent is a stopped one that says since when. */
export function contractStatus({ status, pausedAt }: Pick<Agent, 'status' | 'pausedAt'>): ContractStatus {
  return pausedAt !== null && STOPPED.includes(status) ? 'paused' : NAMES[status];
}

/** Which agents a list with this status holds. */
export function agentsWith(status: ContractStatus): Pick<ListAgents, 'status' | 'paused'> {
  if (status === 'paused') return { status: STOPPED, paused: true };
  if (status === 'stopped') return { status: STOPPED, paused: false };
  const named = (Object.keys(NAMES) as AgentStatus[]).filter((name) => NAMES[name] === status);
  return { status: named };
}
