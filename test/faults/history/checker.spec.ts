import { describe, expect, it } from '@jest/globals';
import { violationsOf } from './checker.js';
import type { AgentFact, Evidence, EventFact, RunFact } from './evidence.js';
import type { Command, Operation, Outcome, Seen } from './history.js';

const A = 'agent-a';
const IMAGES = { usual: 'usual', next: 'next', broken: 'broken', absent: 'absent' };
const ok = (seen?: Seen): Outcome => ({ kind: 'ok', ...(seen ? { seen } : {}) });
const lost: Outcome = { kind: 'unknown', why: 'ECONNRESET' };
const refused = (status: number): Outcome => ({ kind: 'refused', status, code: 'no' });

/** `[command, outcome]` one after the other; `between` gives places where calls overlap. */
type Said = readonly [
  command: Command,
  outcome: Outcome,
  more?: { mark?: string; between?: [number, number]; agentId?: string },
];

const operation = ([command, outcome, more = {}]: Said, index: number): Operation => {
  const [began, ended] = more.between ?? [10 * index + 1, 10 * index + 2];
  const mark = more.mark ?? (command === 'create' ? 'a' : '');
  return { client: index, command, agentId: more.agentId ?? A, mark, began, ended, outcome };
};

const agent = (fact: Partial<AgentFact> = {}): AgentFact => ({
  ...{ id: A, name: 'a', status: 'running', desired: 'running', isPaused: false, value: 'a', isDone: true },
  ...{
    image: 'usual',
    previousImage: null,
    lastError: null,
    events: 1,
    keeps: [],
    openTokens: 1,
    pids: [1],
    status404: false,
  },
  ...fact,
});
const STOPPED = { status: 'stopped', desired: 'stopped', pids: [], openTokens: 0 } as const;
const DELETED = {
  status: 'deleted',
  desired: 'deleted',
  value: null,
  pids: [],
  openTokens: 0,
  status404: true,
} as const;

/** What the control plane writes down of such a life: from one status to the next. */
const life = (...steps: readonly [to: string, cause: string][]): EventFact[] =>
  steps.map(([to, cause], index) => ({
    ...{ agentId: A, seq: index + 1, type: 'agent.status' },
    data: { from: steps[index - 1]?.[0] ?? null, to, cause },
  }));
const BORN: readonly (readonly [string, string])[] = [['running', 'the agent is ready']];

function evidence(said: readonly Said[], more: Partial<Evidence> & { agent?: Partial<AgentFact> } = {}): Evidence {
  const events = more.events ?? life(...(BORN as [string, string][]));
  return {
    images: IMAGES,
    ...{ runs: [], sightings: [], doubled: [], strays: [], failedJobsWithoutCause: [], auditProblems: [] },
    operations: [['create', ok()] as Said, ...said].map(operation),
    ...more,
    events,
    agents: more.agents ?? [agent({ events: events.length, ...more.agent })],
  };
}

const stop: Said = ['stop', ok()];
const event = (type: string, data: EventFact['data']): EventFact => ({ agentId: A, seq: 2, type, data });

describe('what commands did', () => {
  it('is explained by the order in which they were answered', () => {
    expect(violationsOf(evidence([]))).toEqual([]);
    expect(violationsOf(evidence([stop], { agent: STOPPED, events: life(['stopped', 'stop']) }))).toEqual([]);
  });

  it('is not explained when the last answered command was lost', () => {
    expect(violationsOf(evidence([stop]))).toEqual([expect.stringContaining('No order of the commands explains')]);
    expect(violationsOf(evidence([stop, ['start', ok()]], { agent: STOPPED, events: life(['stopped', '']) }))).toEqual([
      expect.stringContaining('No order of the commands explains'),
    ]);
  });

  it('may be the work of a command that was never answered, and only of one that had begun', () => {
    const end = { agent: STOPPED, events: life(['stopped', '']) };
    expect(violationsOf(evidence([['stop', lost]], end))).toEqual([]);
    expect(violationsOf(evidence([['stop', lost]]))).toEqual([]);
    const seenBefore: Said[] = [
      ['explain', ok({ desired: 'stopped' }), { between: [5, 6] }],
      ['stop', lost, { between: [7, 8] }],
    ];
    expect(violationsOf(evidence(seenBefore, end))).toHaveLength(1);
  });

  it('may come in either order when commands overlapped', () => {
    const overlapping: Said[] = [
      ['stop', ok(), { between: [5, 8] }],
      ['start', ok(), { between: [6, 7] }],
    ];
    expect(violationsOf(evidence(overlapping))).toEqual([]);
    expect(violationsOf(evidence(overlapping, { agent: STOPPED, events: life(['stopped', '']) }))).toEqual([]);
  });

  it('is refused only where it had to be', () => {
    expect(violationsOf(evidence([['resume', refused(409)]]))).toEqual([]);
    expect(violationsOf(evidence([['look', refused(404)]]))).toHaveLength(1);
    const paused = {
      agent: { ...STOPPED, isPaused: true },
      events: life(['running', ''], ['stopped', 'pause by key']),
    };
    expect(violationsOf(evidence([['pause', ok()]], paused))).toEqual([]);
    expect(
      violationsOf(
        evidence(
          [
            ['pause', ok()],
            ['resume', refused(409)],
          ],
          paused,
        ),
      ),
    ).toHaveLength(1);
    expect(violationsOf(evidence([['start', refused(500)]]))).toEqual([expect.stringContaining('500')]);
    expect(violationsOf(evidence([['start', { kind: 'unknown', why: 'status 500 internal' }]]))).toHaveLength(1);
    expect(violationsOf(evidence([['start', { kind: 'unknown', why: 'unavailable service_unavailable' }]]))).toEqual(
      [],
    );
  });

  it('stays done when an agent was deleted', () => {
    const events = life(['running', ''], ['deleting', 'delete by key'], ['deleted', '']);
    const gone = { agent: DELETED, events };
    expect(
      violationsOf(
        evidence(
          [
            ['delete', ok()],
            ['look', refused(404)],
          ],
          gone,
        ),
      ),
    ).toEqual([]);
    expect(
      violationsOf(
        evidence(
          [
            ['delete', ok()],
            ['look', ok({ value: 'a' })],
          ],
          gone,
        ),
      ),
    ).toHaveLength(1);
    expect(
      violationsOf(
        evidence(
          [
            ['delete', ok()],
            ['start', ok()],
          ],
          gone,
        ),
      ),
    ).toHaveLength(1);
  });
});

describe('what was read', () => {
  const configured = (value: string, times: number) => ({
    agent: { value },
    events: [
      ...life(...(BORN as [string, string][])),
      ...Array.from({ length: times }, (_, index) => ({
        ...event('agent.updated', { fields: ['config'] }),
        seq: index + 2,
      })),
    ],
  });
  const write = (mark: string, outcome = ok()): Said => ['configure', outcome, { mark }];
  const read = (value: string): Said => ['look', ok({ value })];

  it('is what was written last', () => {
    expect(violationsOf(evidence([write('x'), read('x'), write('y'), read('y')], configured('y', 2)))).toEqual([]);
  });

  it('is never a value that nobody wrote, or that does not come back', () => {
    expect(violationsOf(evidence([read('nobody')]))).toHaveLength(1);
    expect(violationsOf(evidence([write('x'), write('y'), read('x')], configured('y', 2)))).toHaveLength(1);
    expect(violationsOf(evidence([write('x'), read('x'), read('a')], configured('x', 1)))).toHaveLength(1);
  });

  it('shows an unanswered write from some moment on', () => {
    expect(violationsOf(evidence([write('x', lost), read('a'), read('x')], configured('x', 1)))).toEqual([]);
    expect(violationsOf(evidence([write('x', lost), read('x'), read('a')], configured('x', 1)))).toHaveLength(1);
  });

  it('is the state that was asked for', () => {
    expect(violationsOf(evidence([['explain', ok({ desired: 'running' })]]))).toEqual([]);
    expect(violationsOf(evidence([['explain', ok({ desired: 'stopped' })]]))).toHaveLength(1);
  });
});

describe('how often something was done', () => {
  it('is once for each agent that was made', () => {
    const twice = [agent(), agent({ id: 'agent-b' })];
    expect(violationsOf(evidence([], { agents: twice }))).toContainEqual(expect.stringContaining('made 2 agents'));
    const other = violationsOf(evidence([], { agents: [agent({ id: 'agent-b', events: 0, status: 'running' })] }));
    expect(other).toContainEqual(expect.stringContaining('agent-b is there'));
    expect(violationsOf(evidence([], { agents: [] }))).toEqual([expect.stringContaining('no agent is there')]);
    expect(violationsOf(evidence([['create', lost, { mark: 'never made', agentId: 'none' }]]))).toEqual([]);
    expect(violationsOf(evidence([], { agents: [agent(), agent({ id: 'x', name: 'x' })] }))).toContainEqual(
      'Nobody made agent x (x)',
    );
  });

  it('is once for an answered command, at most once for another', () => {
    const restarts = (times: number) => ({
      events: life(
        ...(BORN as [string, string][]),
        ...Array.from({ length: times }, (): [string, string] => ['running', 'restart by key']),
      ),
    });
    const done = (said: Said[], times: number): string[] => violationsOf(evidence(said, restarts(times)));
    expect(done([['restart', ok()]], 1)).toEqual([]);
    expect(done([['restart', ok()]], 2)).toEqual([expect.stringContaining('done 2 times')]);
    expect(done([['restart', ok()]], 0)).toEqual([expect.stringContaining('done 0 times')]);
    expect(done([['restart', lost]], 0)).toEqual([]);
    expect(done([['restart', lost]], 1)).toEqual([]);
    expect(done([['restart', refused(409)]], 1)).toHaveLength(1);
  });
});

describe('how agents are in the end', () => {
  it.each<[string, Partial<AgentFact>]>([
    ['another state than the wanted one', { status: 'error' }],
    ['something left to do', { isDone: false }],
    ['no process', { pids: [] }],
    ['two processes', { pids: [1, 2] }],
    ['no token that opens the edge', { openTokens: 0 }],
    ['an old token that still does', { openTokens: 2 }],
    ['not shown', { status404: true }],
    ['an event too few', { events: 2 }],
  ])('must not be: %s', (_, fact) => {
    expect(violationsOf(evidence([], { agent: fact })).length).toBeGreaterThan(0);
  });

  it('leaves nothing of those that were deleted', () => {
    const events = life(['running', ''], ['deleting', 'delete by key'], ['deleted', '']);
    const left = (fact: Partial<AgentFact>): string[] =>
      violationsOf(evidence([['delete', ok()]], { agent: { ...DELETED, ...fact }, events }));
    expect(left({})).toEqual([]);
    expect(left({ keeps: ['a folder'] })).toEqual([`Deleted agent ${A} has left a folder`]);
    expect(left({ pids: [1] })).toHaveLength(1);
    expect(left({ openTokens: 1 })).toHaveLength(1);
    expect(left({ status404: false })).toHaveLength(1);
  });

  it('is what their events tell, one after the other', () => {
    const chain = (events: EventFact[]): string[] => violationsOf(evidence([], { events }));
    expect(chain(life(['provisioning', ''], ['running', '']))).toEqual([]);
    expect(chain(life(['running', ''], ['stopped', '']))).toEqual([expect.stringContaining('last event says stopped')]);
    const [first, second] = life(['provisioning', ''], ['running', '']) as [EventFact, EventFact];
    const stale = { ...second, data: { ...second.data, from: 'stopping' } };
    expect(chain([first, stale])).toEqual([expect.stringContaining('begins at stopping')]);
    expect(chain([first, { ...second, seq: 3 }])).toEqual([expect.stringContaining('2 events of 2')]);
  });
});

describe('what was seen meanwhile', () => {
  const seen = (...epochs: readonly [number, number | null, string?][]) => ({
    sightings: epochs.map(([epoch, instanceEpoch, status = 'running']) => ({
      agentId: A,
      epoch,
      instanceEpoch,
      status,
    })),
  });

  it('is no epoch below one that was there before', () => {
    expect(violationsOf(evidence([], seen([1, 1], [2, null], [3, 3])))).toEqual([]);
    expect(violationsOf(evidence([], seen([2, 2], [1, 2])))).toHaveLength(1);
    expect(violationsOf(evidence([], seen([2, 2], [3, null], [3, 1])))).toHaveLength(1);
    expect(violationsOf(evidence([], seen([2, null, 'deleted'], [3, null, 'stopped'])))).toHaveLength(1);
  });

  it('is no second process, and nothing that belongs to nobody', () => {
    expect(violationsOf(evidence([], { doubled: [{ agentId: A, pids: [1, 2] }] }))).toHaveLength(1);
    expect(violationsOf(evidence([], { strays: ['a folder of x'] }))).toHaveLength(1);
    expect(violationsOf(evidence([], { failedJobsWithoutCause: ['agents.reconcile 1'] }))).toHaveLength(1);
    expect(violationsOf(evidence([], { auditProblems: ['row 3 was changed'] }))).toHaveLength(1);
  });
});

describe('what was said to agents', () => {
  const turn = (more: Partial<RunFact> = {}, reply = 'hi'): RunFact => ({
    ...{ id: 'run', agentId: A, status: 'completed' },
    messages: [
      { role: 'user', content: 'hello' },
      { role: 'assistant', content: reply },
    ],
    ...more,
  });
  const chat = (outcome: Outcome): Said => ['chat', outcome, { mark: 'hello' }];
  const said = (outcome: Outcome, ...runs: RunFact[]): string[] => violationsOf(evidence([chat(outcome)], { runs }));

  it('is stored once with its reply when it was answered', () => {
    expect(said(ok({ reply: 'hi' }), turn())).toEqual([]);
    expect(said(ok({ reply: 'hi' }))).toEqual([expect.stringContaining('stored 0 times')]);
    expect(said(ok({ reply: 'hi' }), turn(), turn({ id: 'again' }))).toEqual([expect.stringContaining('2 times')]);
    expect(said(ok({ reply: 'hi' }), turn({}, 'h'))).toHaveLength(1);
    expect(said(ok({ reply: 'hi' }), turn({ status: 'failed' }))).toHaveLength(1);
  });

  it('is stored at most once otherwise, and its run has ended', () => {
    expect(said(lost)).toEqual([]);
    expect(said(lost, turn({ status: 'interrupted' }))).toEqual([]);
    expect(said(lost, turn(), turn({ id: 'again' }))).toHaveLength(1);
    expect(said(lost, turn({ status: 'running' }))).toEqual(['Run run has not ended']);
    expect(violationsOf(evidence([], { runs: [turn()] }))).toEqual(['Nobody said "hello"']);
  });
});

describe('updates of the image', () => {
  const update = (image: string, outcome: Outcome = ok()): Said => ['update-image', outcome, { mark: image }];
  const images = (
    ...said: readonly [outcome: 'wanted' | 'done' | 'returned', image: string, previousImage: string][]
  ) =>
    [
      ...life(...(BORN as [string, string][])),
      ...said.map(([outcome, image, previousImage], n) => ({
        ...{ agentId: A, seq: n + 2, type: 'agent.image' },
        data: { outcome, image, previousImage },
      })),
    ] satisfies EventFact[];
  const complaints = (said: readonly Said[], events: EventFact[], image: string, previousImage: string | null = null) =>
    violationsOf(evidence(said, { events, agent: { image, previousImage } }));

  it('are explained when they were asked for and ended one way or the other', () => {
    expect(
      complaints([update('next')], images(['wanted', 'next', 'usual'], ['done', 'next', 'usual']), 'next'),
    ).toEqual([]);
    const back = images(['wanted', 'broken', 'usual'], ['returned', 'broken', 'usual']);
    expect(complaints([update('broken', lost)], back, 'usual')).toEqual([]);
    const changed = images(['wanted', 'broken', 'usual'], ['wanted', 'next', 'usual'], ['done', 'next', 'usual']);
    expect(complaints([update('broken'), update('next')], changed, 'next')).toEqual([]);
    expect(complaints([update('next', lost)], images(), 'usual')).toEqual([]);
  });

  it.each([
    ['nobody asked for', [], images(['wanted', 'next', 'usual'], ['done', 'next', 'usual']), 'next'],
    [
      'were done twice',
      [update('next')],
      images(['wanted', 'next', 'usual'], ['wanted', 'next', 'usual']),
      'next',
      'usual',
    ],
    [
      'came to rest on an image that is not well',
      [update('broken')],
      images(['wanted', 'broken', 'usual'], ['done', 'broken', 'usual']),
      'broken',
    ],
    ['ended without having begun', [update('next')], images(['done', 'next', 'usual']), 'usual'],
    [
      'were lost to the way back of the one before',
      [update('broken'), update('next')],
      images(['wanted', 'broken', 'usual'], ['wanted', 'next', 'usual'], ['returned', 'broken', 'usual']),
      'usual',
    ],
    [
      'went back to where the agent never was well',
      [update('broken'), update('next')],
      images(['wanted', 'broken', 'usual'], ['wanted', 'next', 'broken'], ['done', 'next', 'broken']),
      'next',
    ],
    [
      'are not what the agent has',
      [update('next')],
      images(['wanted', 'next', 'usual'], ['done', 'next', 'usual']),
      'usual',
    ],
  ] as const)('are complained about when they %s', (_what, said, events, image, before: string | null = null) => {
    expect(complaints(said, events, image, before)).not.toEqual([]);
  });
});
