import type { Options } from '@node-rs/argon2';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { DomainError } from '#libs/kernel';
import { PasswordThreads } from './password-threads.js';

/** argon2id (the library's default algorithm) as OWASP recommends it: 19 MiB, two passes, one lane. */
const OPTIONS: Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const AT_ONCE = 2;
const MOST_WAITING = 200;

/** Hashes and checks passwords, at most two at once, so that logins can take neither all memory nor all cores. */
@Injectable()
export class Passwords implements OnApplicationShutdown {
  private readonly threads = new PasswordThreads();
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  private decoy: Promise<string> | undefined;

  /** A PHC string. @throws DomainError `unavailable` when too many are waiting. */
  async hash(password: string): Promise<string> {
    return String(await this.limited(() => this.threads.run({ password, options: OPTIONS })));
  }

  /** Without a hash (unknown user, no password) it takes as long as with one, and is false. */
  async verify(phc: string | null | undefined, password: string): Promise<boolean> {
    this.decoy ??= this.hash('a password nobody has');
    const decoy = await this.decoy;
    const matches = await this.limited(() => this.threads.run({ password, phc: phc ?? decoy }));
    return matches === true && typeof phc === 'string';
  }

  async onApplicationShutdown(): Promise<void> {
    await this.threads.close();
  }

  private async limited<T>(work: () => Promise<T>): Promise<T> {
    await this.enter();
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  private async enter(): Promise<void> {
    if (this.running < AT_ONCE) {
      this.running += 1;
      return;
    }
    if (this.waiting.length >= MOST_WAITING) {
      throw new DomainError('unavailable', 'busy', 'Too many sign-ins at once; try again shortly', {
        retryAfterSeconds: 2,
      });
    }
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private leave(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.running -= 1;
  }
}

/** What a password must have: at least 8 characters with an upper-case letter, a lower-case letter and a digit. */
export function passwordWeakness(password: string): string | undefined {
  if (password.length < 8) return 'Password must be at least 8 characters long';
  if (password.length > 256) return 'Password must be at most 256 characters long';
  if (!/\p{Lu}/u.test(password)) return 'Password must contain at least one uppercase letter';
  if (!/\p{Ll}/u.test(password)) return 'Password must contain at least one lowercase letter';
  return /\d/.test(password) ? undefined : 'Password must contain at least one digit';
}
