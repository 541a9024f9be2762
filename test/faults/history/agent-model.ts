import type { Command, Operation, Outcome } from './history.js';
import { type Call, type Model, type Verdict, linearise } from './linearise.js';

/** What clients decide about an agent. */
export interface Wanted {
  readonly desired: 'running' | 'stopped' | 'deleted';
  readonly isPaused: boolean;
  /** The configuration's unique value. */
  readonly value: string | null;
}

type Action =
  { readonly command: Command; readonly mark: string; readonly outcome: Outcome } | { readonly end: Wanted };

const RUNNING: readonly Command[] = ['start', 'restart', 'repair'];

/** All commands on one agent, and how it is in the end, as the calls on one object. */
export function callsOn(agentId: string, operations: readonly Operation[], end: Wanted): Call<Action>[] {
  const own = operations.filter((operation) => operation.agentId === agentId && operation.command !== 'create');
  const seen = new Set([end.value, ...own.map(({ outcome }) => (outcome.kind === 'ok' ? outcome.seen?.value : null))]);
  const calls = own.flatMap(({ command, mark, outcome, began, ended }) => {
    const isCertain = outcome.kind !== 'unknown';
    // One that nobody saw explains nothing.
    if (!isCertain && !(command === 'configure' ? seen.has(mark) : CHANGES.includes(command))) return [];
    const kind = command === 'configure' ? `configure ${mark}` : RUNNING.includes(command) ? 'run' : command;
    return [{ op: { command, mark, outcome }, began, ended: isCertain ? ended : Infinity, isCertain, kind }];
  });
  const last = Math.max(0, ...operations.map(({ ended }) => ended));
  return [...calls, { op: { end }, began: last + 1, ended: last + 2, isCertain: true, kind: 'end' }];
}

const CHANGES: readonly Command[] = ['start', 'restart', 'repair', 'stop', 'pause', 'resume', 'delete'];

/** An agent that was made with that value. */
export const modelOf = (value: string): Model<Wanted, Action> => ({
  initial: { desired: 'running', isPaused: false, value },
  apply: (state, action) => {
    if ('end' in action) return keyOf(action.end) === keyOf(state) ? state : undefined;
    const { command, mark, outcome } = action;
    if (outcome.kind === 'refused') return isRefused(state, command, outcome.status) ? state : undefined;
    if (state.desired === 'deleted') return undefined;
    if (outcome.kind === 'unknown') return done(state, command, mark);
    if (command === 'look') return outcome.seen?.value === state.value ? state : undefined;
    if (command === 'explain') return outcome.seen?.desired === state.desired ? state : undefined;
    return done(state, command, mark);
  },
  keyOf,
});

const keyOf = ({ desired, isPaused, value }: Wanted): string =>
  desired === 'deleted' ? desired : `${desired}${isPaused ? ' paused' : ''} ${value}`;

/** Undefined where the command is not possible. */
function done(state: Wanted, command: Command, mark: string): Wanted | undefined {
  switch (command) {
    case 'stop':
      return { ...state, desired: 'stopped' };
    case 'pause':
      return state.desired === 'running' ? { ...state, desired: 'stopped', isPaused: true } : undefined;
    case 'resume':
      return state.isPaused ? { ...state, desired: 'running', isPaused: false } : undefined;
    case 'configure':
      return { ...state, value: mark };
    case 'delete':
      return { ...state, desired: 'deleted' };
    case 'create':
    case 'start':
    case 'restart':
    case 'repair':
      return { ...state, desired: 'running', isPaused: false };
    case 'reset-memory':
    case 'update-image':
    case 'chat':
    case 'look':
    case 'explain':
      return state;
  }
}

/** 404 is for agents that are gone alone. A pause is also refused to an agent that is not up yet, a chat as well. */
function isRefused(state: Wanted, command: Command, status: number): boolean {
  if (status === 404) return state.desired === 'deleted';
  if (state.desired === 'deleted') return false;
  return command !== 'resume' || !state.isPaused;
}

/** Whether some order of the commands, as they were answered, ends where the agent is. */
export const explained = (
  agentId: string,
  operations: readonly Operation[],
  made: string,
  end: Wanted,
): Verdict<Wanted, Action> => linearise(callsOn(agentId, operations, end), modelOf(made));
