import { describe, expect, it } from '@jest/globals';
import {
  AGENT_STATUSES,
  type AgentCommand,
  type DesiredState,
  TRANSITIONS,
  canMove,
  isSettled,
  refusalOf,
  statusAfter,
} from './agent.state.js';

const COMMANDS: AgentCommand[] = ['start', 'stop', 'restart', 'delete', 'pause', 'resume', 'provision'].concat([
  'repair',
  'reset_memory',
]) as AgentCommand[];
const at = (desiredState: DesiredState, status: (typeof AGENT_STATUSES)[number]) => ({
  desiredState,
  status,
  restartGeneration: 1,
  observedRestartGeneration: 1,
});

describe('agent states', () => {
  it('has no way out of deleted and only one out of deleting', () => {
    expect(TRANSITIONS.deleted).toEqual([]);
    expect(TRANSITIONS.deleting).toEqual(['deleted']);
  });

  it('lets every command lead somewhere the table allows', () => {
    for (const status of AGENT_STATUSES.filter((name) => name !== 'deleting' && name !== 'deleted'))
      for (const desired of ['running', 'stopped'] as const)
        for (const command of COMMANDS) {
          const next = statusAfter(command, at(desired, status));
          if (
            next !== undefined &&
            refusalOf(command, { ...at(desired, status), isPaused: desired === 'stopped' }) === undefined
          )
            expect([status, next, canMove(status, next)]).toEqual([status, next, true]);
        }
  });

  it('changes nothing when asked for what is there already', () => {
    expect(statusAfter('start', at('running', 'running'))).toBeUndefined();
    expect(statusAfter('start', at('running', 'provisioning'))).toBeUndefined();
    expect(statusAfter('stop', at('stopped', 'stopped'))).toBeUndefined();
    expect(statusAfter('restart', at('running', 'running'))).toBe('restarting');
  });

  it('makes an agent anew for a repair, and stops or starts none for a reset of the memory', () => {
    expect(statusAfter('repair', at('stopped', 'stopped'))).toBe('restarting');
    expect(statusAfter('reset_memory', at('running', 'error'))).toBe('restarting');
    expect(statusAfter('reset_memory', at('stopped', 'stopped'))).toBe('stopping');
  });

  it('tries again what has failed', () => {
    expect(statusAfter('start', at('running', 'error'))).toBe('provisioning');
    expect(statusAfter('stop', at('stopped', 'error'))).toBe('stopping');
  });

  it.each<[AgentCommand, DesiredState, boolean, string[]]>([
    ['pause', 'running', false, ['running']],
    ['pause', 'stopped', false, []],
    ['pause', 'stopped', true, []],
    ['resume', 'running', false, []],
    ['resume', 'stopped', false, []],
    ['resume', 'stopped', true, [...AGENT_STATUSES]],
    ['provision', 'running', false, ['provisioning', 'restarting', 'error']],
    ['start', 'stopped', false, [...AGENT_STATUSES]],
    ['stop', 'stopped', true, [...AGENT_STATUSES]],
  ])('allows %s of what should be %s (paused: %s) when it is %j', (command, desiredState, isPaused, allowed) => {
    const fine = AGENT_STATUSES.filter(
      (status) => refusalOf(command, { desiredState, status, isPaused }) === undefined,
    );
    expect(fine).toEqual(allowed);
  });

  it('names the state in a refusal', () => {
    const paused = { desiredState: 'stopped', status: 'stopped', isPaused: true } as const;
    expect(refusalOf('pause', paused)).toContain('this one is paused');
    expect(refusalOf('resume', { ...paused, isPaused: false })).toContain('this one is stopped');
  });

  it('is settled only when the restart that was asked for is done', () => {
    expect(isSettled(at('running', 'running'))).toBe(true);
    expect(isSettled({ ...at('running', 'running'), restartGeneration: 2 })).toBe(false);
    expect(isSettled({ ...at('stopped', 'stopped'), restartGeneration: 2 })).toBe(true);
    expect(isSettled(at('running', 'stopped'))).toBe(false);
  });
});
