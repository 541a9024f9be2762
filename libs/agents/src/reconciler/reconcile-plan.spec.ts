import { describe, expect, it } from '@jest/globals';
import { AGENT_STATUSES, type DesiredState } from '../agent.state.js';
import {
  type PlannedAgent,
  type SeenContainer,
  type StepKind,
  STATUS_BETWEEN,
  isOnProbation,
  planStep,
} from './reconcile-plan.js';

const EPOCH = 7;
const ENDPOINT = '127.0.0.1:9000';

const agent = (given: Partial<PlannedAgent> = {}): PlannedAgent => ({
  desiredState: 'running',
  desiredGeneration: 1,
  restartGeneration: 1,
  status: 'provisioning',
  observedGeneration: 1,
  observedRestartGeneration: 1,
  epoch: EPOCH,
  instanceEpoch: EPOCH,
  endpoint: null,
  waiting: false,
  nextHostId: null,
  repairWanted: false,
  memoryResetWanted: false,
  ...given,
});
const none: SeenContainer = { status: 'missing', epoch: null, endpoint: null };
const created: SeenContainer = { status: 'created', epoch: EPOCH, endpoint: null };
const running: SeenContainer = { status: 'running', epoch: EPOCH, endpoint: ENDPOINT };
const exited: SeenContainer = { status: 'exited', epoch: EPOCH, endpoint: null };
const settled = agent({ status: 'running', endpoint: ENDPOINT });

describe('planStep', () => {
  it.each<[string, PlannedAgent, SeenContainer, StepKind]>([
    ['begins a new agent', agent({ instanceEpoch: null, observedGeneration: 0 }), none, 'begin'],
    ['begins anew under a new claim', agent({ instanceEpoch: EPOCH - 1 }), none, 'begin'],
    ['begins anew when settings changed before the instance was made', agent({ desiredGeneration: 2 }), none, 'begin'],
    ['makes the instance once it has begun', agent(), none, 'ensure'],
    ['starts what is made', agent(), created, 'start'],
    ['waits for what runs', agent(), running, 'await_ready'],
    ['adopts what an earlier claim made', agent({ instanceEpoch: 3 }), { ...running, epoch: 3 }, 'await_ready'],
    [
      'makes anew what an earlier claim made and did not start: its files may not all be there',
      agent({ instanceEpoch: 3 }),
      { ...created, epoch: 3 },
      'discard',
    ],
    ['ends the instance before a repair', agent({ repairWanted: true }), running, 'discard'],
    ['takes away what a repair asks for', agent({ repairWanted: true, instanceEpoch: null }), none, 'renew'],
    ['forgets only without an instance', agent({ memoryResetWanted: true }), exited, 'discard'],
    ['forgets before it begins', agent({ memoryResetWanted: true, status: 'restarting' }), none, 'renew'],
    [
      'forgets while it is to be stopped',
      agent({ memoryResetWanted: true, desiredState: 'stopped', status: 'stopping' }),
      none,
      'renew',
    ],
    ['forgets nothing before the time to try again', agent({ memoryResetWanted: true, waiting: true }), none, 'wait'],
    [
      'deletes whatever else is wanted',
      agent({ repairWanted: true, desiredState: 'deleted', status: 'deleting' }),
      none,
      'erase',
    ],
    ['is done', settled, running, 'none'],
    ['writes down a moved endpoint', settled, { ...running, endpoint: '127.0.0.1:1' }, 'mark_running'],
    ['says that a running agent leaves for another host', { ...settled, nextHostId: 'b' }, running, 'depart'],
    ['takes down what leaves', agent({ status: 'restarting', nextHostId: 'b' }), running, 'discard'],
    ['hands over what is down', agent({ status: 'restarting', nextHostId: 'b' }), none, 'hand_over'],
    ['hands over what waits for its next attempt', agent({ waiting: true, nextHostId: 'b' }), none, 'hand_over'],
    [
      'hands over what is stopped',
      agent({ desiredState: 'stopped', status: 'stopped', nextHostId: 'b' }),
      none,
      'hand_over',
    ],
    [
      'moves nothing that is to be deleted',
      agent({ desiredState: 'deleted', status: 'deleting', nextHostId: 'b' }),
      running,
      'discard',
    ],
    ['sees an end before readiness', agent(), exited, 'failed_start'],
    ['sees a crash', settled, exited, 'crashed'],
    ['sees a running agent that was never started', settled, created, 'crashed'],
    ['sees a vanished instance', settled, none, 'crashed'],
    ['removes an instance of another epoch', agent(), { ...running, epoch: 2 }, 'discard'],
    ['removes an instance when none may act', agent({ instanceEpoch: null }), running, 'discard'],
    ['removes an instance without an epoch', agent(), { ...running, epoch: null }, 'discard'],
    ['replaces an instance on a restart', agent({ status: 'restarting', restartGeneration: 2 }), running, 'discard'],
    ['makes it anew on a restart', agent({ status: 'restarting', restartGeneration: 2 }), none, 'begin'],
    ['replaces one that comes up with old settings', agent({ desiredGeneration: 2 }), running, 'discard'],
    ['keeps one that runs with old settings', { ...settled, desiredGeneration: 2 }, running, 'none'],
    ['waits for the next attempt', agent({ waiting: true, status: 'error' }), none, 'wait'],
    ['announces a stop', agent({ desiredState: 'stopped', status: 'running' }), running, 'announce'],
    ['stops', agent({ desiredState: 'stopped', status: 'stopping' }), running, 'discard'],
    ['writes that it is stopped', agent({ desiredState: 'stopped', status: 'stopping' }), none, 'mark_stopped'],
    ['is stopped', agent({ desiredState: 'stopped', status: 'stopped' }), none, 'none'],
    ['announces a deletion', agent({ desiredState: 'deleted', status: 'running' }), running, 'announce'],
    ['stops before it erases', agent({ desiredState: 'deleted', status: 'deleting' }), exited, 'discard'],
    ['erases', agent({ desiredState: 'deleted', status: 'deleting' }), none, 'erase'],
    ['leaves a tombstone alone', agent({ desiredState: 'deleted', status: 'deleted' }), running, 'none'],
  ])('%s', (_name, row, container, step) => {
    expect(planStep(row, container)).toBe(step);
  });

  it('reaches every desired state from every state of row and instance', () => {
    for (const start of everyState()) expect(simulated(start.agent, start.container)).toBe(start.agent.desiredState);
  });
});

/** Plays the executor on a world where every step works. */
function simulated(from: PlannedAgent, seen: SeenContainer): string {
  let row = from;
  let container = seen;
  const trail: string[] = [];
  for (let count = 0; count < 12; count++) {
    const step = planStep(row, container);
    trail.push(step);
    if (step === 'none') return row.status;
    [row, container] = played(step, row, container);
  }
  return `still not there after ${trail.join(', ')}`;
}

function played(step: StepKind, row: PlannedAgent, container: SeenContainer): [PlannedAgent, SeenContainer] {
  switch (step) {
    case 'announce':
      return [{ ...row, status: STATUS_BETWEEN[row.desiredState] }, container];
    case 'begin':
      return [begun(row), container];
    case 'ensure':
      return [row, { status: 'created', epoch: row.epoch, endpoint: null }];
    case 'start':
      return [row, { ...container, status: 'running', endpoint: ENDPOINT }];
    case 'await_ready':
    case 'mark_running':
      return [{ ...row, status: 'running', endpoint: container.endpoint }, container];
    case 'crashed':
    case 'failed_start':
      return [{ ...row, status: 'restarting', instanceEpoch: null, endpoint: null }, container];
    case 'discard':
      return [{ ...row, instanceEpoch: null, endpoint: null }, none];
    case 'mark_stopped':
      return [{ ...row, status: 'stopped', observedRestartGeneration: row.restartGeneration }, container];
    case 'depart':
      return [{ ...row, status: 'restarting' }, container];
    case 'hand_over':
      return [{ ...row, nextHostId: null, instanceEpoch: null, endpoint: null }, none];
    case 'renew':
      return [
        { ...row, repairWanted: false, memoryResetWanted: false, instanceEpoch: null, endpoint: null },
        container,
      ];
    case 'erase':
      return [{ ...row, status: 'deleted' }, none];
    case 'none':
    case 'wait':
      return [{ ...row, waiting: false }, container];
  }
}

const begun = (row: PlannedAgent): PlannedAgent => ({
  ...row,
  status: row.status === 'restarting' ? 'restarting' : 'provisioning',
  instanceEpoch: row.epoch,
  endpoint: null,
  observedGeneration: row.desiredGeneration,
  observedRestartGeneration: row.restartGeneration,
});

/** All combinations of what a row and an instance can say. */
function everyState(): { agent: PlannedAgent; container: SeenContainer }[] {
  const axes = {
    desiredState: ['running', 'stopped', 'deleted'] satisfies DesiredState[],
    status: AGENT_STATUSES.filter((name) => name !== 'deleted'),
    instanceEpoch: [null, 1, EPOCH],
    observedGeneration: [0, 1],
    observedRestartGeneration: [0, 1],
    waiting: [true, false],
    nextHostId: [null, 'b'],
    memoryResetWanted: [false, true],
  };
  const rows = Object.entries(axes).reduce<Partial<PlannedAgent>[]>(
    (all, [field, values]) => all.flatMap((row) => values.map((value) => ({ ...row, [field]: value }))),
    [{}],
  );
  const containers = [none, created, running, exited, { ...running, epoch: 1 }, { ...exited, epoch: null }];
  return rows.flatMap((row) => containers.map((container) => ({ agent: agent(row), container })));
}

describe('isOnProbation', () => {
  const updating = { ...agent({ status: 'restarting' }), previousImage: 'a:1' };

  it('is true once an instance of the new image was begun, whichever claim began it', () => {
    expect(isOnProbation(updating)).toBe(true);
    expect(isOnProbation({ ...updating, instanceEpoch: EPOCH - 2 })).toBe(true);
  });

  it.each([
    ['no update is under way', { previousImage: null }],
    ['the instance before is not gone yet', { restartGeneration: 2 }],
    ['none was begun', { instanceEpoch: null }],
    ['it has proved well', { status: 'running' as const }],
    ['it is to stop', { desiredState: 'stopped' as const }],
  ])('is false when %s', (_what, given) => {
    expect(isOnProbation({ ...updating, ...given })).toBe(false);
  });
});
