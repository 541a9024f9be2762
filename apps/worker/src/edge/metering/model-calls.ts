import type { ServerResponse } from 'node:http';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Instance } from '#libs/instances';
import { newId } from '#libs/kernel';
import { Logger, RateLimitedLogger } from '#libs/observability';
import { type CallEnd, type CallPlan, type Reservation, UsageMeter } from '#libs/usage';
import { AnswerReader, type Expected } from './answer-reader.js';
import type { ModelCall } from './model-call.js';

const NOTE_EVERY_MS = 2_000;
/** Of a model whose longest answer nobody stated, and when the request does not say either. */
const DEFAULT_OUTPUT_TOKENS = 4_096;

/** One model call between its reservation and its settlement. */
export class OpenCall {
  /** True once the provider may have the request. */
  isSent = false;
  /** Of the provider's answer. */
  status: number | undefined;
  private reader: AnswerReader | undefined;

  constructor(
    readonly plan: CallPlan,
    private readonly expected: Expected,
    /** The body for the provider. */
    readonly body: Buffer,
  ) {}

  /** The answer is a stream of events. */
  get isStream(): boolean {
    return this.reader?.isStream ?? false;
  }

  get countedTokens(): number {
    return this.reader?.countedTokens ?? 0;
  }

  /** An answer began. */
  read(contentType: string | undefined): AnswerReader {
    return (this.reader ??= new AnswerReader(this.plan.provider, contentType));
  }

  /** What is owed: nothing where the provider refused or never got the call. */
  end(): CallEnd {
    if (!this.isSent || (this.status ?? 0) >= 300) return { how: 'free' };
    if (this.reader) return this.reader.end(this.expected);
    const { inputTokens } = this.expected;
    return { how: 'estimated', usage: { inputTokens, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 0 } };
  }
}

/** The model calls of this edge: plans them, notes how far they are, and settles each when its exchange is over. */
@Injectable()
export class ModelCalls implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly open = new Set<OpenCall>();
  private readonly noted = new WeakMap<OpenCall, number>();
  private readonly log: RateLimitedLogger;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(UsageMeter) private readonly meter: UsageMeter,
    @Inject(Instance) private readonly instance: Instance,
    @Inject(Logger) logger: Logger,
  ) {
    this.log = new RateLimitedLogger(logger.child({ component: 'model-calls' }));
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.note(), NOTE_EVERY_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  plan(call: ModelCall): CallPlan {
    const price = this.meter.priceOf(call.provider, call.model);
    const { provider, model, inputTokens, writesCache, leastOutputTokens, choices } = call;
    const most = (price?.maxOutputTokens ?? DEFAULT_OUTPUT_TOKENS) * choices;
    const askedOutputTokens = Math.max(call.askedOutputTokens ?? most, leastOutputTokens);
    const id = newId();
    const { id: instanceId } = this.instance;
    return { id, instanceId, provider, model, price, inputTokens, writesCache, askedOutputTokens, leastOutputTokens };
  }

  /** A call that has reserved. It is settled when `res` is closed, which may be now. */
  begin(call: ModelCall, plan: CallPlan, { capTokens }: Reservation, res: ServerResponse): OpenCall {
    const outputTokens = capTokens ?? call.askedOutputTokens ?? Infinity;
    const expected = { inputTokens: plan.inputTokens, outputTokens };
    const opened = new OpenCall(plan, expected, call.body(capTokens));
    const finish = (): void => {
      this.open.delete(opened);
      this.meter.settle(plan, opened.end());
    };
    this.open.add(opened);
    if (res.destroyed) finish();
    else res.once('close', finish);
    return opened;
  }

  /** Once the doors are closed: waits until everything is settled. */
  drain(timeoutMs: number): Promise<void> {
    return this.meter.drain(timeoutMs);
  }

  private async note(): Promise<void> {
    const counted = new Map<string, number>();
    for (const call of this.open) {
      const tokens = call.countedTokens;
      if (tokens === (this.noted.get(call) ?? 0)) continue;
      this.noted.set(call, tokens);
      counted.set(call.plan.id, tokens);
    }
    await this.meter.noteCounted(counted).catch((error: unknown) => {
      this.log.warn('the progress of model calls could not be noted', { error });
    });
  }
}
