import { describe, expect, it } from '@jest/globals';
import type { Strategy, TeamStep } from './orchestration.js';
import { limitsOf } from './run-limits.js';
import { type Decision, type NextStep, decide } from './strategies.js';

const AGENTS = [
  { id: 'a', name: 'Ada' },
  { id: 'b', name: 'Bob' },
  { id: 'c', name: 'Cleo' },
];

/** Plays a run: `answer` gives what an agent says, an Error for a failed step. */
function play(strategy: Strategy, answer: (step: NextStep) => string | Error, configuration: object = {}) {
  const steps: TeamStep[] = [];
  const rounds: string[] = [];
  for (let turn = 0; turn < 100; turn += 1) {
    const limits = limitsOf(configuration as Record<string, unknown>);
    const decision: Decision = decide({ strategy, goal: 'Count the apples', agents: AGENTS, steps, limits });
    if (decision.kind === 'wait') throw new Error('nothing is under way');
    if (decision.kind !== 'steps') return { decision, rounds, steps };
    rounds.push(decision.steps.map(({ kind, agentId }) => `${kind} ${agentId}`).join(', '));
    steps.push(...decision.steps.map((next) => finished(next, answer(next))));
  }
  throw new Error('the run does not end');
}

const finished = (next: NextStep, said: string | Error): TeamStep => ({
  ...next,
  id: `${next.kind}-${next.round}-${next.position}`,
  runId: 'r',
  status: said instanceof Error ? 'failed' : 'completed',
  attempts: 3,
  output: said instanceof Error ? null : said,
  errorCode: said instanceof Error ? 'agent_not_running' : null,
  errorMessage: said instanceof Error ? said.message : null,
  inputTokens: 100,
  outputTokens: 10,
  costMicroUsd: 1,
  startedAt: null,
  finishedAt: null,
});

describe('parallel and custom', () => {
  it.each(['parallel', 'custom'] as const)('%s asks all at once and puts their answers together', (strategy) => {
    const { decision, rounds } = play(strategy, ({ agentId }) => `answer of ${agentId}`);
    expect(rounds).toEqual(['work a, work b, work c']);
    expect(decision).toEqual({
      kind: 'completed',
      result: '## Ada\n\nanswer of a\n\n## Bob\n\nanswer of b\n\n## Cleo\n\nanswer of c',
    });
  });

  it('goes on without those that failed, and fails when all did', () => {
    const some = play('parallel', ({ agentId }) => (agentId === 'a' ? new Error('gone') : agentId));
    expect(some.decision).toEqual({ kind: 'completed', result: '## Bob\n\nb\n\n## Cleo\n\nc' });
    expect(play('parallel', () => new Error('gone')).decision).toMatchObject({
      kind: 'failed',
      code: 'agent_not_running',
      message: expect.stringContaining('gone'),
    });
  });
});

describe('sequential', () => {
  it('hands each result to the next agent', () => {
    const { decision, rounds, steps } = play('sequential', ({ position }) => `draft ${position}`);
    expect(rounds).toEqual(['work a', 'work b', 'work c']);
    expect(steps[0]?.prompt).not.toContain('<result>');
    expect(steps[2]?.prompt).toContain('<result>\ndraft 1\n</result>');
    expect(decision).toEqual({ kind: 'completed', result: 'draft 2' });
  });

  it('ends at a step that failed', () => {
    const { decision, rounds } = play('sequential', ({ agentId }) => (agentId === 'b' ? new Error('gone') : agentId));
    expect(rounds).toHaveLength(2);
    expect(decision).toMatchObject({ kind: 'failed' });
  });
});

describe('hierarchical', () => {
  const lead =
    (...said: string[]) =>
    ({ kind, prompt }: NextStep): string =>
      kind === 'work' ? `did: ${prompt.split('\n').at(-1) ?? ''}` : (said.shift() ?? 'DONE: that was all');

  it('lets the lead plan, the others work, and the lead conclude', () => {
    const { decision, rounds, steps } = play('hierarchical', lead('1: count left\n2: count right', 'DONE: 12 apples'));
    expect(rounds).toEqual(['plan a', 'work b, work c', 'review a']);
    expect(steps[0]?.prompt).toContain('1. Bob\n2. Cleo');
    expect(steps[3]?.prompt).toContain('<outcome>\ndid: count left\n</outcome>');
    expect(decision).toEqual({ kind: 'completed', result: '12 apples' });
  });

  it('takes further rounds, but no more than allowed', () => {
    const { rounds } = play('hierarchical', lead('1: one', '2: two', 'DONE: ok'));
    expect(rounds).toEqual(['plan a', 'work b', 'review a', 'work c', 'review a']);
    const endless = play('hierarchical', ({ kind }) => (kind === 'work' ? 'x' : '1: again'), { max_rounds: 2 });
    expect(endless.rounds).toEqual(['plan a', 'work b', 'review a', 'work b', 'review a']);
    expect(endless.decision.kind).toBe('completed');
    expect(endless.steps.at(-1)?.prompt).not.toContain('further task');
  });

  it('gives one agent several tasks, and none to agents that are not there', () => {
    const { rounds } = play('hierarchical', lead('1: one\n* 1) two\n9: three\nnonsense', 'DONE: ok'));
    expect(rounds[1]).toBe('work b, work b');
  });

  it('is led by whom the configuration names', () => {
    const { rounds } = play('hierarchical', lead('1: one', 'DONE: ok'), { lead_agent_id: 'c' });
    expect(rounds).toEqual(['plan c', 'work a', 'review c']);
  });

  it('tells the lead what failed, and ends when the lead fails', () => {
    const { decision, steps } = play('hierarchical', (step) =>
      step.kind === 'work' ? new Error('gone') : step.kind === 'plan' ? '1: one' : 'DONE: without Bob',
    );
    expect(steps.at(-1)?.prompt).toContain('(failed: gone)');
    expect(decision).toEqual({ kind: 'completed', result: 'without Bob' });
    expect(play('hierarchical', () => new Error('gone')).decision.kind).toBe('failed');
  });

  it('takes an answer without tasks for the result', () => {
    expect(play('hierarchical', () => 'Twelve.').decision).toEqual({ kind: 'completed', result: 'Twelve.' });
  });
});

describe('democratic', () => {
  const voters =
    (votes: Record<string, string>) =>
    ({ kind, agentId }: NextStep): string =>
      kind === 'proposal' ? `idea of ${agentId}` : (votes[agentId] ?? '?');

  it('chooses what most voted for', () => {
    const { decision, rounds, steps } = play('democratic', voters({ a: '2', b: 'Number 2.', c: '3' }));
    expect(rounds).toEqual(['proposal a, proposal b, proposal c', 'vote a, vote b, vote c']);
    expect(steps[3]?.prompt).toContain('<proposal number="3">\nidea of c\n</proposal>');
    expect(decision).toEqual({ kind: 'completed', result: 'idea of b' });
  });

  it('gives a tie, and votes that are none, to the earlier proposal', () => {
    expect(play('democratic', voters({ a: '3', b: '2', c: '' })).decision).toMatchObject({ result: 'idea of b' });
    expect(play('democratic', voters({})).decision).toMatchObject({ result: 'idea of a' });
  });

  it('needs no vote when one proposal is left', () => {
    const { decision, rounds } = play('democratic', ({ agentId }) => (agentId === 'b' ? 'only' : new Error('gone')));
    expect(rounds).toHaveLength(1);
    expect(decision).toMatchObject({ result: 'only' });
  });
});

describe('limits', () => {
  it('end a run that needs more steps or tokens', () => {
    expect(play('parallel', () => 'x', { max_steps: 2 }).decision).toMatchObject({
      kind: 'failed',
      code: 'step_limit',
    });
    expect(play('sequential', () => 'x', { max_tokens: 150 }).decision).toMatchObject({ code: 'token_limit' });
  });

  it('have bounds of their own', () => {
    expect(limitsOf({ max_rounds: 99, max_steps: -1, max_tokens: 'many' })).toEqual({
      maxRounds: 10,
      maxSteps: 50,
      maxTokens: 500_000,
      leadAgentId: undefined,
    });
  });

  it('wait while a step is under way, and fail without agents', () => {
    const limits = limitsOf({});
    const running = {
      ...finished({ agentId: 'a', kind: 'work', round: 0, position: 0, prompt: '' }, ''),
      status: 'running',
    };
    const situation = { strategy: 'parallel', goal: 'g', agents: AGENTS, limits } as const;
    expect(decide({ ...situation, steps: [running as TeamStep] })).toEqual({ kind: 'wait' });
    expect(decide({ ...situation, agents: [], steps: [] })).toMatchObject({ kind: 'failed', code: 'no_agents' });
  });
});
