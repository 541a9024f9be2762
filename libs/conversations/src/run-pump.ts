import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { Notices } from '#libs/events';
import { type GatewayMessage, GatewayClient, type GatewayTarget, HistoryRequired } from '#libs/gateway-client';
import { DomainError, type Scope } from '#libs/kernel';
import { Logger, Metrics, currentContext } from '#libs/observability';
import { INTERRUPTED, replyTooLong } from './conversations.errors.js';
import type { ReplyEnd } from './live-reply.js';
import { LiveRun } from './live-run.js';
import { ReplyWriter } from './reply-writer.js';
import { type RunEnd, RunsRepository } from './runs.repository.js';
import { SurrogateJoiner } from './well-formed.js';

const REPLY_MAX_LENGTH = 1_000_000;
/** For an agent that doesn't say how many messages it lacks. */
const REFILL_DEFAULT_MESSAGES = 200;
const REFILL_MAX_MESSAGES = 2_000;
/** About 250,000 tokens. */
const REFILL_MAX_CHARS = 1_000_000;
const CLOSE_RETRY_MS = 250;
const CLOSE_RETRY_MOST_MS = 5_000;
/** How long a graceful end waits until its runs are written as interrupted. */
const DRAIN_MS = 3_000;

/** A committed run and what the agent is to be asked. */
export interface Turn {
  readonly scope: Scope;
  readonly target: GatewayTarget;
  readonly runId: string;
  readonly sessionId: string;
  readonly turn: number;
  readonly peerId: string | undefined;
  /** The new message, after what goes with it for this turn only. */
  readonly messages: readonly GatewayMessage[];
  readonly onDisconnect: 'cancel' | 'continue';
}

type Outcome = Omit<RunEnd, 'rest' | 'at'>;

/** Carries the agent's text to readers as it comes and to Postgres in batches, and closes each run once. */
@Injectable()
export class RunPump implements OnModuleDestroy {
  private readonly live = new Map<string, LiveRun>();
  private readonly finishing = new Set<Promise<void>>();
  private isClosing = false;
  private readonly ended;
  private readonly firstText;

  constructor(
    @Inject(GatewayClient) private readonly gateway: GatewayClient,
    @Inject(RunsRepository) private readonly runs: RunsRepository,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Logger) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.ended = metrics.counter('rookery_chat_runs_total', 'Chat runs that ended, by status', ['status']);
    this.firstText = metrics.histogram('rookery_chat_first_text_seconds', 'From the stored message to the first text');
    metrics.gauge('rookery_chat_runs_live', 'Chat runs this process is answering', [], (gauge) =>
      gauge.set({}, this.live.size),
    );
  }

  /** True once the process takes no new runs. */
  get isShuttingDown(): boolean {
    return this.isClosing;
  }

  find(runId: string): LiveRun | undefined {
    return this.live.get(runId);
  }

  /** Starts asking the agent at once; the run is this process's until it is closed. */
  start(turn: Turn): LiveRun {
    const run = new LiveRun(turn.scope, turn.target.agentId, turn.runId, turn.onDisconnect);
    this.live.set(turn.runId, run);
    if (this.isClosing) run.stop({ status: 'interrupted', ...INTERRUPTED });
    const finished = this.carry(run, turn).finally(() => {
      this.live.delete(turn.runId);
      this.finishing.delete(finished);
    });
    this.finishing.add(finished);
    return run;
  }

  async onModuleDestroy(): Promise<void> {
    this.isClosing = true;
    await this.allFinished(this.config.http.shutdownGraceMs);
    for (const run of this.live.values()) run.stop({ status: 'interrupted', ...INTERRUPTED });
    await this.allFinished(DRAIN_MS);
  }

  private async allFinished(patienceMs: number): Promise<void> {
    await Promise.race([Promise.all(this.finishing), sleep(patienceMs, undefined, { ref: false })]);
  }

  private async carry(run: LiveRun, turn: Turn): Promise<void> {
    const writer = new ReplyWriter({ append: (text, at) => this.append(run, text, at) }, () =>
      run.stop({ status: 'interrupted', ...INTERRUPTED }),
    );
    const outcome = await this.converse(run, turn, writer).catch((error: unknown) => this.outcomeOf(run, error));
    const end = await this.close(run, { ...outcome, ...(await writer.finish()) });
    this.ended.inc({ status: outcome.status });
    run.reply.close(end);
  }

  private async converse(run: LiveRun, turn: Turn, writer: ReplyWriter): Promise<Outcome> {
    try {
      return await this.receive(run, turn, turn.messages, false, writer);
    } catch (error) {
      if (!(error instanceof HistoryRequired)) throw error;
      const earlier = await this.runs.earlier(
        turn.scope,
        turn.sessionId,
        turn.runId,
        Math.min(error.messages ?? REFILL_DEFAULT_MESSAGES, REFILL_MAX_MESSAGES),
        REFILL_MAX_CHARS,
      );
      return await this.receive(run, turn, [...earlier, ...turn.messages], true, writer);
    }
  }

  private async receive(
    run: LiveRun,
    turn: Turn,
    messages: readonly GatewayMessage[],
    refill: boolean,
    writer: ReplyWriter,
  ): Promise<Outcome> {
    const { sessionId, peerId, target } = turn;
    const { requestId } = currentContext();
    const startedAt = performance.now();
    const joiner = new SurrogateJoiner();
    const put = (text: string): void => {
      if (run.reply.length === 0 && text !== '') this.firstText.observe({}, (performance.now() - startedAt) / 1000);
      run.reply.append(text);
      writer.add(text);
      if (run.reply.length > REPLY_MAX_LENGTH) throw replyTooLong();
    };
    let usage: Partial<Outcome> = {};
    const request = { sessionId, turn: turn.turn, refill, messages, ...defined({ peerId, requestId }) };
    for await (const chunk of this.gateway.chat(target, request, run.signal)) {
      if (chunk.kind === 'text') put(joiner.feed(chunk.text));
      else usage = { promptTokens: chunk.promptTokens, completionTokens: chunk.completionTokens };
    }
    put(joiner.rest());
    return { status: 'completed', ...usage };
  }

  private outcomeOf(run: LiveRun, error: unknown): Outcome {
    const { stopped } = run;
    if (stopped) return { status: stopped.status, errorCode: stopped.code, errorMessage: stopped.message };
    if (error instanceof DomainError) {
      return { status: 'failed', errorCode: error.code, errorMessage: error.message };
    }
    this.logger.error('a chat run failed', { runId: run.runId, agentId: run.agentId, error });
    return { status: 'failed', errorCode: 'internal', errorMessage: 'The run failed inside Rookery; try again' };
  }

  private async append(run: LiveRun, text: string, at: number): Promise<boolean> {
    const isRunning = await this.runs.append(run.scope, run.runId, text, at);
    if (isRunning) this.notices.notify('run', run.runId);
    return isRunning;
  }

  /** Repeats until Postgres took it: a run left running would keep its session busy for as long as this process lives. */
  private async close(run: LiveRun, end: RunEnd): Promise<ReplyEnd> {
    for (let waitMs = CLOSE_RETRY_MS; ; waitMs = Math.min(waitMs * 2, CLOSE_RETRY_MOST_MS)) {
      try {
        const closed = await this.runs.close(run.scope, run.runId, end);
        this.notices.notify('run', run.runId);
        return closed ? endEvent(end) : await this.endOfOther(run, end);
      } catch (error) {
        this.logger.warn('a chat run could not be closed yet', { runId: run.runId, error });
        await sleep(waitMs, undefined, { ref: !this.isClosing });
      }
    }
  }

  /** The run had ended already: by a sweeper, or by our own earlier try whose answer was lost. */
  private async endOfOther(run: LiveRun, end: RunEnd): Promise<ReplyEnd> {
    const found = await this.runs.progress(run.scope, run.agentId, run.runId, Number.MAX_SAFE_INTEGER);
    if (!found || found.status === end.status) return endEvent(end);
    return endEvent({
      ...end,
      status: 'interrupted',
      errorCode: found.error_code ?? INTERRUPTED.code,
      errorMessage: found.error_message ?? INTERRUPTED.message,
    });
  }
}

const endEvent = (end: RunEnd): ReplyEnd =>
  end.status === 'completed'
    ? { kind: 'done' }
    : { kind: 'error', code: end.errorCode ?? end.status, message: end.errorMessage ?? `The run was ${end.status}` };

function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const present = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
