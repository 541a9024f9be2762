import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { SlidingWindow } from '#libs/rate-limit';
import { tooManyFailures } from '../identity.errors.js';

const MOST_FAILURES_PER_MINUTE = 5;

/**
 * At most five failed sign-ins a minute for one e-mail address from one client address. Counted by both, so that
 * a stranger who guesses never locks the owner out. Attempts for one pair run one after the other: fifty at once
 * still get five guesses.
 */
@Injectable()
export class LoginFailures {
  private readonly queues = new Map<string, Promise<unknown>>();

  constructor(@Inject(SlidingWindow) private readonly window: SlidingWindow) {}

  /**
   * Runs an attempt, which returns undefined when it failed.
   * @throws DomainError `rate_limited` instead, once the failures are used up.
   */
  attempt<T>(email: string, address: string, work: () => Promise<T | undefined>): Promise<T | undefined> {
    const pair = createHash('sha256').update(`${email.toLowerCase()}\n${address}`).digest('base64url');
    const key = `signin:${pair}`;
    const turn = (this.queues.get(key) ?? Promise.resolve()).then(() => this.counted(key, work));
    const done = turn
      .catch(() => undefined)
      .finally(() => {
        if (this.queues.get(key) === done) this.queues.delete(key);
      });
    this.queues.set(key, done);
    return turn;
  }

  private async counted<T>(key: string, work: () => Promise<T | undefined>): Promise<T | undefined> {
    const before = await this.window.used(key, MOST_FAILURES_PER_MINUTE);
    if (before.remaining === 0) throw tooManyFailures(before.retryAfterSeconds, before.limit);
    const result = await work();
    if (result !== undefined) return result;
    const { granted, retryAfterSeconds, limit } = await this.window.take(key, MOST_FAILURES_PER_MINUTE);
    if (!granted) throw tooManyFailures(retryAfterSeconds, limit);
    return undefined;
  }
}
