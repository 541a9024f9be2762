import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { SlidingWindow, addressKey } from '#libs/rate-limit';
import { tooManyFailures } from '../identity.errors.js';
import { SessionRepository } from '../sessions/session.repository.js';

const MOST_FAILURES_PER_MINUTE = 5;
const MOST_STRANGERS_PER_HOUR = 30;
const HOUR_MS = 3_600_000;

/** Somebody who tries to sign in. */
export interface Knock {
  readonly email: string;
  readonly address: string;
  /** A session says already whose account it is. */
  readonly isSignedIn?: boolean;
}

/**
 * At most five failed sign-ins a minute for one e-mail address from one network. Attempts for one pair run one after
 * the other: fifty at once still get five guesses. Networks that an account never signed in from share thirty attempts
 * an hour at it, so that guesses from everywhere are slow, and its owner's own networks are never locked out.
 */
@Injectable()
export class LoginFailures {
  private readonly queues = new Map<string, Promise<unknown>>();

  private readonly hour: SlidingWindow;

  constructor(
    @Inject(SlidingWindow) private readonly window: SlidingWindow,
    @Inject(Database) private readonly database: Database,
    @Inject(SessionRepository) private readonly sessions: SessionRepository,
  ) {
    this.hour = new SlidingWindow(database, HOUR_MS);
  }

  /**
   * Runs an attempt, which returns undefined when it failed.
   * @throws DomainError `rate_limited` instead, once the failures are used up.
   */
  attempt<T>(knock: Knock, work: () => Promise<T | undefined>): Promise<T | undefined> {
    const key = `signin:${hashOf(`${knock.email.toLowerCase()}\n${addressKey(knock.address)}`)}`;
    const turn = (this.queues.get(key) ?? Promise.resolve()).then(() => this.counted(key, knock, work));
    const done = turn
      .catch(() => undefined)
      .finally(() => {
        if (this.queues.get(key) === done) this.queues.delete(key);
      });
    this.queues.set(key, done);
    return turn;
  }

  private async counted<T>(key: string, knock: Knock, work: () => Promise<T | undefined>): Promise<T | undefined> {
    const before = await this.window.used(key, MOST_FAILURES_PER_MINUTE);
    if (before.remaining === 0) throw tooManyFailures(before.retryAfterSeconds, before.limit);
    if (!knock.isSignedIn) await this.admitStranger(knock);
    const result = await work();
    if (result !== undefined) return result;
    const { granted, retryAfterSeconds, limit } = await this.window.take(key, MOST_FAILURES_PER_MINUTE);
    if (!granted) throw tooManyFailures(retryAfterSeconds, limit);
    return undefined;
  }

  /** Counted before it is tried, so that the bound holds however many try at once; the same for addresses nobody has. */
  private async admitStranger({ email, address }: Knock): Promise<void> {
    if (await this.sessions.knowsNetwork(this.database, email, addressKey(address))) return;
    const key = `signin-strangers:${hashOf(email.toLowerCase())}`;
    const { granted, retryAfterSeconds, limit } = await this.hour.take(key, MOST_STRANGERS_PER_HOUR);
    if (!granted) throw tooManyFailures(retryAfterSeconds, limit);
  }
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url');
