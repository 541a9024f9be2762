import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { sha256 } from '#libs/crypto';
import { Database, type Tx, isUniqueViolation } from '#libs/database';
import { DomainError } from '#libs/kernel';
import { type Account, accountOf } from '../accounts/account.js';
import type { TokenPair } from '../sessions/sessions.service.js';
import { type OidcAttempt, OidcAttempts } from './oidc-attempts.js';
import { OidcAccounts, OidcPeople } from './oidc-people.js';
import { type OidcPerson, OidcProvider } from './oidc-provider.js';
import { type CodeHolder, OidcRepository } from './oidc.repository.js';
import { codeInvalid } from './oidc.errors.js';

/** Where a browser goes, and the cookie it keeps until it comes back. */
export interface OidcDeparture {
  readonly url: string;
  readonly sealed: string;
}

export interface OidcWish {
  readonly returnTo?: string | undefined;
  readonly inviteToken?: string | undefined;
}

/** How a sign-in ended: at a page of the caller's, or here. */
export type OidcArrival = { readonly returnTo: string } | { readonly session: Account & TokenPair };

/** Signing in with an OpenID Connect provider instead of a password. */
@Injectable()
export class OidcSignInService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(OidcProvider) private readonly provider: OidcProvider,
    @Inject(OidcAttempts) private readonly attempts: OidcAttempts,
    @Inject(OidcRepository) private readonly repository: OidcRepository,
    @Inject(OidcPeople) private readonly people: OidcPeople,
    @Inject(OidcAccounts) private readonly of: OidcAccounts,
  ) {}

  get isConfigured(): boolean {
    return this.provider.isConfigured;
  }

  /** @throws DomainError `not_found` without a provider, `validation` for a foreign `returnTo`, `unavailable`. */
  async begin(wish: OidcWish): Promise<OidcDeparture> {
    const attempt = this.attempts.make(wish);
    return { url: await this.provider.authorizationUrl(attempt), sealed: this.attempts.seal(attempt) };
  }

  /**
   * Ends what the browser's cookie began. With a page to return to, errors go there too, as `?error=<code>`, and success
   * as `?code=`, good once within a minute for {@link exchange}.
   * @throws DomainError `validation` for a foreign or old attempt; without a page also what {@link OidcPeople.settle} and the
   *   provider refuse.
   */
  async finish(sealed: string | undefined, query: string, address: string): Promise<OidcArrival> {
    const attempt = this.attempts.open(sealed);
    if (attempt.returnTo === undefined) return { session: await this.signedIn(attempt, query, address) };
    try {
      const code = randomBytes(32).toString('base64url');
      const person = await this.provider.person(attempt, query);
      await this.settled(person, attempt, (tx, holder) => this.repository.addCode(tx, holder, sha256(code)));
      return { returnTo: withQuery(attempt.returnTo, { code }) };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return { returnTo: withQuery(attempt.returnTo, { error: error.code, error_description: error.message }) };
    }
  }

  /** @throws DomainError `unauthenticated` for a code that is wrong, used or over a minute old. */
  exchange(code: string, address: string): Promise<Account & TokenPair> {
    return this.database.transaction(async (tx) => {
      const holder = await this.repository.takeCode(tx, sha256(code));
      if (!holder) throw codeInvalid();
      return this.open(tx, holder, address);
    });
  }

  private async signedIn(attempt: OidcAttempt, query: string, address: string): Promise<Account & TokenPair> {
    const person = await this.provider.person(attempt, query);
    return this.settled(person, attempt, (tx, holder) => this.open(tx, holder, address));
  }

  /** Two first sign-ins of one person race for one account: the one that lost finds it. */
  private async settled<T>(
    person: OidcPerson,
    { inviteToken }: OidcAttempt,
    then: (tx: Tx, holder: CodeHolder) => Promise<T>,
  ): Promise<T> {
    const work = () =>
      this.database.transaction(async (tx) => then(tx, await this.people.settle(tx, person, inviteToken)));
    return work().catch((error: unknown) => {
      if (isUniqueViolation(error, 'users_email_key') || isUniqueViolation(error, 'oidc_identities_pkey'))
        return work();
      throw error;
    });
  }

  private async open(tx: Tx, holder: CodeHolder, address: string): Promise<Account & TokenPair> {
    const user = await this.of.accounts.find(tx, holder, holder.userId);
    if (!user?.isActive) throw codeInvalid();
    const pair = await this.of.sessions.open(tx, { ...holder, email: user.email, address });
    return { ...accountOf(user, holder.orgId), ...pair };
  }
}

function withQuery(address: string, values: Readonly<Record<string, string>>): string {
  const url = new URL(address);
  for (const [name, value] of Object.entries(values)) url.searchParams.set(name, value);
  return url.href;
}
