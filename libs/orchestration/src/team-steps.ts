import { Inject, Injectable } from '@nestjs/common';
import { AgentsService, DEFAULT_MODELS, type Provider } from '#libs/agents';
import { ChatService } from '#libs/conversations';
import { Instance } from '#libs/instances';
import { type Caller, DomainError, newId } from '#libs/kernel';
import { PriceTable, costMicroUsd } from '#libs/usage';
import { type ClaimedStep, MOST_ATTEMPTS, type StepEnd, TeamRunsRepository } from './team-runs.repository.js';
import { TeamRunner } from './team-runner.js';

/** Steps of one worker at once: fewer than the jobs it takes, so that others get their turn. */
const MOST_AT_ONCE = 12;
const MOST_OUTPUT_CHARS = 100_000;
const RETRY_MS = 5_000;

interface Said {
  readonly text: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Speaks for the run, in a session that is nobody's but this try's. */
const callerOf = ({ orgId, id, epoch }: ClaimedStep): Caller => ({
  kind: 'connection',
  subject: `swarm-step:${id}:${epoch}`,
  orgId,
  role: 'MEMBER',
  scopes: ['chat', 'agents:read'],
  isPlatformAdmin: false,
});

/** What a step cost by the price table. */
@Injectable()
export class StepCosts {
  constructor(
    @Inject(AgentsService) private readonly agents: AgentsService,
    @Inject(PriceTable) private readonly prices: PriceTable,
  ) {}

  /** In micro-USD; 0 for a model without a price. */
  async of(step: ClaimedStep, inputTokens: number, outputTokens: number): Promise<number> {
    const { config } = await this.agents.get(callerOf(step), step.agentId);
    const provider: Provider = config.llmProvider ?? 'demo';
    const price = this.prices.find(provider, config.model ?? DEFAULT_MODELS[provider]);
    if (!price) return 0;
    return costMicroUsd(price, { inputTokens, outputTokens, cachedInputTokens: 0, cacheWriteTokens: 0 });
  }
}

/** Has agents do the steps of runs, each as a chat turn in a session of its own. */
@Injectable()
export class TeamSteps {
  private running = 0;

  constructor(
    @Inject(TeamRunsRepository) private readonly runs: TeamRunsRepository,
    @Inject(TeamRunner) private readonly runner: TeamRunner,
    @Inject(ChatService) private readonly chat: ChatService,
    @Inject(StepCosts) private readonly costs: StepCosts,
    @Inject(Instance) private readonly instance: Instance,
  ) {}

  /** Takes the step unless somebody else did; a worker that has enough to do leaves it to the next sweep. */
  async perform(stepId: string, signal: AbortSignal): Promise<void> {
    if (this.running >= MOST_AT_ONCE) return;
    this.running += 1;
    try {
      const step = await this.runs.claim(stepId, this.instance.id);
      if (!step) return;
      await this.runs.end(step, await this.outcome(step, signal));
      await this.runner.advance(step.runId);
    } finally {
      this.running -= 1;
    }
  }

  private async outcome(step: ClaimedStep, signal: AbortSignal): Promise<StepEnd> {
    try {
      const { text, ...tokens } = await this.ask(step, signal);
      const costMicroUsd = await this.costs.of(step, tokens.inputTokens, tokens.outputTokens);
      return { status: 'completed', output: text, ...tokens, costMicroUsd, waitMs: 0 };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const isOver = step.attempts >= MOST_ATTEMPTS || error.kind === 'not_found' || error.kind === 'validation';
      return {
        status: isOver ? 'failed' : 'ready',
        errorCode: error.code,
        errorMessage: error.message,
        inputTokens: 0,
        outputTokens: 0,
        costMicroUsd: 0,
        waitMs: RETRY_MS * step.attempts,
      };
    }
  }

  private async ask(step: ClaimedStep, signal: AbortSignal): Promise<Said> {
    const caller = callerOf(step);
    const run = await this.chat.send(caller, step.agentId, { message: step.prompt }, newId());
    await this.runs.bind(step, run.runId);
    let text = '';
    for await (const event of run.events(signal)) {
      if (event.kind === 'text') text += event.text;
      if (event.kind === 'error') throw new DomainError('upstream_failed', event.code, event.message);
    }
    const { promptTokens, completionTokens } = await this.chat.run(caller, step.agentId, run.runId);
    const output = text.length <= MOST_OUTPUT_CHARS ? text : `${text.slice(0, MOST_OUTPUT_CHARS)}\n(cut here)`;
    return { text: output, inputTokens: promptTokens ?? 0, outputTokens: completionTokens ?? 0 };
  }
}
