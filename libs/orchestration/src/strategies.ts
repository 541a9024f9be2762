import type { RunLimits, StepKind, Strategy, TeamStep } from './orchestration.js';
import {
  chosenNumber,
  doneText,
  planPrompt,
  proposalPrompt,
  relayPrompt,
  reviewPrompt,
  tasksIn,
  votePrompt,
  workPrompt,
} from './prompts.js';

/** What a strategy looks at. */
export interface Situation {
  readonly strategy: Strategy;
  readonly goal: string;
  /** In a fixed order. */
  readonly agents: readonly { readonly id: string; readonly name: string }[];
  readonly steps: readonly TeamStep[];
  readonly limits: RunLimits;
}

export interface NextStep {
  readonly agentId: string;
  readonly kind: StepKind;
  readonly round: number;
  readonly position: number;
  readonly prompt: string;
}

/** What is to happen next. `wait`: steps are still under way. */
export type Decision =
  | { readonly kind: 'wait' }
  | { readonly kind: 'steps'; readonly steps: readonly NextStep[] }
  | { readonly kind: 'completed'; readonly result: string }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

const WAIT: Decision = { kind: 'wait' };
const failed = (code: string, message: string): Decision => ({ kind: 'failed', code, message });
const completed = (result: string): Decision => ({ kind: 'completed', result });

/** Decides from what has happened alone, so asking again after a crash gives the same answer. */
export function decide(situation: Situation): Decision {
  const { steps, limits, agents } = situation;
  if (steps.some(({ status }) => status === 'ready' || status === 'running')) return WAIT;
  if (agents.length === 0) return failed('no_agents', 'No agent of the swarm is left; add agents and start it again');
  const decision = STRATEGY[situation.strategy](situation);
  if (decision.kind !== 'steps') return decision;
  const tokens = steps.reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens + outputTokens, 0);
  if (tokens >= limits.maxTokens) {
    return failed('token_limit', `The run has used its ${limits.maxTokens} tokens (configuration.max_tokens)`);
  }
  if (steps.length + decision.steps.length > limits.maxSteps) {
    return failed('step_limit', `The run would need more than ${limits.maxSteps} steps (configuration.max_steps)`);
  }
  return decision;
}

const STRATEGY: Readonly<Record<Strategy, (situation: Situation) => Decision>> = {
  parallel: inParallel,
  custom: inParallel,
  sequential: inSequence,
  hierarchical: byALead,
  democratic: byVote,
};

function inParallel({ goal, agents, steps }: Situation): Decision {
  if (steps.length === 0) {
    return { kind: 'steps', steps: agents.map(({ id }, position) => step(id, 'work', 0, position, workPrompt(goal))) };
  }
  const done = steps.filter(isDone);
  return done.length === 0 ? allFailed(steps) : completed(joined(done, agents));
}

function inSequence({ goal, agents, steps }: Situation): Decision {
  const last = steps.at(-1);
  if (last?.status === 'failed') return failed(last.errorCode ?? 'step_failed', because(last));
  const next = agents.find(({ id }) => !steps.some(({ agentId }) => agentId === id));
  if (!next) return completed(last?.output ?? '');
  const prompt = last ? relayPrompt(goal, last.output ?? '') : workPrompt(goal);
  return { kind: 'steps', steps: [step(next.id, 'work', 0, steps.length, prompt)] };
}

/** The lead plans, the others work, the lead reviews, and either ends it or hands out more. */
function byALead({ goal, agents, steps, limits }: Situation): Decision {
  const lead = agents.find(({ id }) => id === limits.leadAgentId) ?? agents[0]!;
  const workers = agents.filter(({ id }) => id !== lead.id);
  if (steps.length === 0) return { kind: 'steps', steps: [step(lead.id, 'plan', 0, 0, planPrompt(goal, workers))] };
  const said = steps.findLast(({ kind }) => kind === 'plan' || kind === 'review')!;
  if (said.status === 'failed') return failed(said.errorCode ?? 'step_failed', because(said));
  const done = doneText(said.output ?? '');
  if (done !== undefined) return completed(done);
  const round = said.kind === 'plan' ? 0 : said.round + 1;
  const work = steps.filter(({ kind, round: of }) => kind === 'work' && of === round);
  if (work.length > 0) {
    const prompt = reviewPrompt(
      goal,
      workers,
      work.map((one) => ({ task: one.prompt, outcome: outcomeOf(one) })),
      round + 1 >= limits.maxRounds,
    );
    return { kind: 'steps', steps: [step(lead.id, 'review', round, 0, prompt)] };
  }
  const tasks = tasksIn(said.output ?? '', workers.length);
  if (tasks.length === 0 || round >= limits.maxRounds) return completed(said.output ?? '');
  const given = tasks.map(({ agent, task }, position) =>
    step(workers[agent]!.id, 'work', round, position, workPrompt(task)),
  );
  return { kind: 'steps', steps: given };
}

/** Each proposes, each votes; a tie goes to the earlier proposal. */
function byVote({ goal, agents, steps }: Situation): Decision {
  const proposals = steps.filter(({ kind }) => kind === 'proposal');
  if (proposals.length === 0) {
    return { kind: 'steps', steps: agents.map(({ id }, nr) => step(id, 'proposal', 0, nr, proposalPrompt(goal))) };
  }
  const candidates = proposals.filter(isDone);
  if (candidates.length === 0) return allFailed(proposals);
  if (candidates.length === 1) return completed(candidates[0]!.output ?? '');
  const votes = steps.filter(({ kind }) => kind === 'vote');
  if (votes.length === 0) {
    const prompt = votePrompt(
      goal,
      candidates.map(({ output }) => output ?? ''),
    );
    return { kind: 'steps', steps: agents.map(({ id }, nr) => step(id, 'vote', 0, nr, prompt)) };
  }
  const tally = candidates.map(
    (_, nr) => votes.filter((vote) => isDone(vote) && chosenNumber(vote.output ?? '') === nr + 1).length,
  );
  const winner = tally.indexOf(Math.max(...tally));
  return completed(candidates[winner]!.output ?? '');
}

const step = (agentId: string, kind: StepKind, round: number, position: number, prompt: string): NextStep => ({
  agentId,
  kind,
  round,
  position,
  prompt,
});

const isDone = ({ status }: TeamStep): boolean => status === 'completed';

const because = ({ errorMessage, attempts }: TeamStep): string =>
  `A step failed after ${attempts} attempts: ${errorMessage ?? 'no reason was given'}`;

const allFailed = (steps: readonly TeamStep[]): Decision =>
  failed(steps[0]?.errorCode ?? 'step_failed', `All ${steps.length} agents failed. ${because(steps[0]!)}`);

const outcomeOf = (one: TeamStep): string =>
  isDone(one) ? (one.output ?? '') : `(failed: ${one.errorMessage ?? 'no reason was given'})`;

const joined = (done: readonly TeamStep[], agents: Situation['agents']): string =>
  done
    .map(
      ({ agentId, output }) =>
        `## ${agents.find(({ id }) => id === agentId)?.name ?? 'A former agent'}\n\n${output ?? ''}`,
    )
    .join('\n\n');
