export const AGENT_STATUSES = [
  'provisioning',
  'running',
  'stopping',
  'stopped',
  'restarting',
  'error',
  'deleting',
  'deleted',
] as const;
/** What an agent is doing. */
export type AgentStatus = (typeof AGENT_STATUSES)[number];

/** What its owner wants it to do. */
export type DesiredState = 'running' | 'stopped' | 'deleted';

/** Every change of status there is; `deleted` is final. */
export const TRANSITIONS: Readonly<Record<AgentStatus, readonly AgentStatus[]>> = {
  provisioning: ['running', 'error', 'stopping', 'stopped', 'restarting', 'deleting'],
  running: ['restarting', 'stopping', 'stopped', 'provisioning', 'error', 'deleting'],
  stopping: ['stopped', 'provisioning', 'restarting', 'error', 'deleting'],
  stopped: ['provisioning', 'restarting', 'stopping', 'error', 'deleting'],
  restarting: ['running', 'error', 'provisioning', 'stopping', 'stopped', 'deleting'],
  error: ['provisioning', 'restarting', 'running', 'stopping', 'stopped', 'deleting'],
  deleting: ['deleted'],
  deleted: [],
};

export const canMove = (from: AgentStatus, to: AgentStatus): boolean => from === to || TRANSITIONS[from].includes(to);

/** The fields that say whether an agent is where its owner wants it. */
export interface Settleable {
  readonly desiredState: DesiredState;
  readonly status: AgentStatus;
  readonly restartGeneration: number;
  readonly observedRestartGeneration: number;
}

/** True when nothing is left to do. */
export const isSettled = (agent: Settleable): boolean =>
  agent.status === agent.desiredState &&
  (agent.desiredState !== 'running' || agent.restartGeneration === agent.observedRestartGeneration);

export type AgentCommand =
  'start' | 'stop' | 'restart' | 'delete' | 'pause' | 'resume' | 'provision' | 'repair' | 'reset_memory';

/** What {@link refusalOf} looks at. */
export interface Commandable {
  readonly desiredState: DesiredState;
  readonly status: AgentStatus;
  /** It is stopped, or about to be, until somebody resumes it. */
  readonly isPaused: boolean;
}

/** Why a command makes no sense in a state, as a sentence; undefined when it does. Only some commands ask for a state. */
export function refusalOf(command: AgentCommand, { desiredState, status, isPaused }: Commandable): string | undefined {
  const present = isPaused ? 'paused' : status;
  switch (command) {
    case 'pause':
      if (status === 'running' && desiredState === 'running') return undefined;
      return `Only a running agent can be paused; this one is ${present}`;
    case 'resume':
      return isPaused ? undefined : `Only a paused agent can be resumed; this one is ${present}`;
    case 'provision':
      if (PROVISIONABLE.includes(status)) return undefined;
      return `Only an agent that is being provisioned or has failed can be provisioned; this one is ${present}`;
    case 'start':
    case 'stop':
    case 'restart':
    case 'repair':
    case 'reset_memory':
    case 'delete':
      return undefined;
  }
}

const PROVISIONABLE: readonly AgentStatus[] = ['provisioning', 'restarting', 'error'];

/** It runs, or comes up without anybody's doing. */
const isOnItsWay = ({ desiredState, status }: Settleable): boolean =>
  desiredState === 'running' && status !== 'error' && status !== 'stopped';

/** The status a command puts an agent into, until the reconciler has done it; undefined: the command changes nothing. */
export function statusAfter(command: AgentCommand, agent: Settleable): AgentStatus | undefined {
  switch (command) {
    case 'start':
      return isOnItsWay(agent) ? undefined : 'provisioning';
    case 'stop':
      return agent.desiredState === 'stopped' && agent.status !== 'error' ? undefined : 'stopping';
    case 'pause':
      return 'stopping';
    case 'resume':
      return 'provisioning';
    case 'provision':
      return agent.status === 'error' ? 'provisioning' : undefined;
    case 'restart':
    case 'repair':
      return 'restarting';
    case 'reset_memory':
      return agent.desiredState === 'running' ? 'restarting' : 'stopping';
    case 'delete':
      return 'deleting';
  }
}
