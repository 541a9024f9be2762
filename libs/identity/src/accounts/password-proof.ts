import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, PLATFORM_SCOPE } from '#libs/audit';
import { DomainError } from '#libs/kernel';
import { Passwords } from '../passwords.js';
import type { UserRow } from './account.repository.js';
import { type Knock, LoginFailures } from './login-failures.js';

/** Somebody who says that a password is theirs. */
export interface PasswordAttempt extends Knock {
  readonly password: string;
  /** What it is for, as the audit log calls it. */
  readonly action: string;
}

type Claimed = UserRow & { readonly orgId: string | null };

const MINUTE = 60;

/** Passwords with all that guessing them brings about: failures are counted, refused when they are many, and kept. */
@Injectable()
export class PasswordProof {
  constructor(
    @Inject(Passwords) private readonly passwords: Passwords,
    @Inject(LoginFailures) private readonly failures: LoginFailures,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  hash(password: string): Promise<string> {
    return this.passwords.hash(password);
  }

  /**
   * @returns the user whose password it is; undefined when it is nobody's. An unknown user costs as much time.
   * @throws DomainError `rate_limited`.
   */
  async prove<T extends Claimed>(attempt: PasswordAttempt, find: () => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return await this.failures.attempt(attempt, () => this.check(attempt, find));
    } catch (error) {
      if (error instanceof DomainError && error.kind === 'rate_limited') await this.noteFlood(attempt);
      throw error;
    }
  }

  /** A right password that opens nothing. */
  refused(attempt: PasswordAttempt, user: Claimed, reason: string): Promise<void> {
    return this.note(attempt, user, reason);
  }

  private async check<T extends Claimed>(
    attempt: PasswordAttempt,
    find: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const user = await find();
    if (await this.passwords.verify(user?.passwordHash, attempt.password)) return user;
    await this.note(attempt, user, user ? 'wrong_password' : 'unknown_user');
    return undefined;
  }

  private note({ email, address, action }: PasswordAttempt, user: Claimed | undefined, reason: string): Promise<void> {
    return this.audit.record(user?.orgId ? { orgId: user.orgId } : PLATFORM_SCOPE, {
      type: 'AUTHENTICATION_FAILURE',
      subject: user ? `user:${user.id}` : 'anonymous',
      action,
      resource: user ? `user:${user.id}` : `email:${email}`,
      result: 'failure',
      reason,
      metadata: { address },
    });
  }

  private noteFlood({ email, address, action }: PasswordAttempt): Promise<void> {
    const event = {
      type: 'AUTHENTICATION_FAILURE',
      subject: 'anonymous',
      action,
      resource: `email:${email}`,
      result: 'denied',
      reason: 'too_many_failures',
      metadata: { address },
    } as const;
    return this.audit.recordOnce(PLATFORM_SCOPE, event, { key: `flood|${email}|${address}`, seconds: MINUTE });
  }
}
