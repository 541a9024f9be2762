import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { type Caller, DomainError } from '#libs/kernel';
import { extendContext } from '#libs/observability';
import { SlidingWindow, addressKey, type Verdict } from '#libs/rate-limit';
import { Credentials } from './credentials.js';
import { DataScope } from './data-scope.js';
import { authorise, isOpen } from './policy.js';
import type { ApiReply, ApiRequest, EdgeState } from './request.js';

/** Lets a request in or refuses it before its body is read: credential, rate limit, policy, in this order. */
@Injectable()
export class Admission {
  constructor(
    @Inject(Credentials) private readonly credentials: Credentials,
    @Inject(SlidingWindow) private readonly window: SlidingWindow,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(DataScope) private readonly dataScope: DataScope,
  ) {}

  /** @throws DomainError `rate_limited`, `unauthenticated`, `forbidden` or `unavailable`. */
  async admit(request: ApiRequest, reply: ApiReply, edge: EdgeState): Promise<void> {
    const { policy } = edge;
    if (policy?.limit === 'none' && isOpen(policy)) return;
    try {
      await this.decide(request, reply, edge);
    } catch (error) {
      if (!reply.hasHeader('x-ratelimit-limit')) this.announceUnknown(reply, edge);
      throw error;
    }
  }

  private async decide(request: ApiRequest, reply: ApiReply, edge: EdgeState): Promise<void> {
    const { policy } = edge;
    const reading = policy && isOpen(policy) ? undefined : await settled(this.credentials.read(request));
    const caller = reading?.value;
    if (policy?.limit !== 'none') await this.count(request, reply, edge, caller);
    if (reading?.error) throw reading.error;
    if (caller) {
      edge.caller = caller;
      extendContext({ orgId: caller.orgId });
    }
    if (policy) authorise(policy, caller);
    else if (!request.is404 && request.method !== 'OPTIONS') throw new Error('a route without a policy was reached');
    if (policy && caller) await this.dataScope.admit(request, caller);
  }

  private async count(request: ApiRequest, reply: ApiReply, edge: EdgeState, caller?: Caller): Promise<void> {
    const door = edge.policy?.limit === 'auth';
    const subject = door ? `door:${addressKey(request.ip)}` : (caller?.subject ?? `addr:${addressKey(request.ip)}`);
    const verdict = await this.window.take(subject, this.limitOf(edge));
    announce(reply, verdict);
    if (verdict.granted) return;
    throw new DomainError('rate_limited', 'rate_limited', 'Too many requests; slow down', {
      limit: verdict.limit,
      retryAfterSeconds: verdict.retryAfterSeconds,
    });
  }

  /** The limiter can't be asked, so nothing is promised until a try in a second. */
  private announceUnknown(reply: ApiReply, edge: EdgeState): void {
    const resetAtSeconds = Math.ceil(Date.now() / 1_000) + 1;
    announce(reply, { limit: this.limitOf(edge), remaining: 0, resetAtSeconds });
  }

  private limitOf(edge: EdgeState): number {
    return edge.policy?.limit === 'auth' ? this.config.limits.authPerMinute : this.config.limits.ratePerMinute;
  }
}

function announce(reply: ApiReply, verdict: Pick<Verdict, 'limit' | 'remaining' | 'resetAtSeconds'>): void {
  reply.header('x-ratelimit-limit', verdict.limit);
  reply.header('x-ratelimit-remaining', verdict.remaining);
  reply.header('x-ratelimit-reset', verdict.resetAtSeconds);
}

/** A refused credential still counts against its address, so its error waits until the count is done. */
async function settled(
  reading: Promise<Caller | undefined>,
): Promise<{ value?: Caller | undefined; error?: DomainError }> {
  try {
    return { value: await reading };
  } catch (error) {
    if (error instanceof DomainError && error.kind !== 'unavailable') return { error };
    throw error;
  }
}
