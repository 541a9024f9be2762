import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import { Database } from '#libs/database';
import { type Caller, notFound } from '#libs/kernel';
import { inactiveAccount, noMembership, wrongCredentials, wrongPassword } from '../identity.errors.js';
import { SessionsService, type TokenPair } from '../sessions/sessions.service.js';
import { type Account, accountOf } from './account.js';
import { AccountRepository, type UserRow } from './account.repository.js';
import { PasswordProof } from './password-proof.js';

export interface SignIn {
  readonly email: string;
  readonly password: string;
  /** The client's address, for counting failures. */
  readonly address: string;
  /** Organisation to sign in to, for members of several; otherwise the one they have been in longest. */
  readonly orgId?: string | undefined;
}

/** Signing in and the signed-in user's own account. */
@Injectable()
export class AccountsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AccountRepository) private readonly accounts: AccountRepository,
    @Inject(SessionsService) private readonly sessions: SessionsService,
    @Inject(PasswordProof) private readonly proof: PasswordProof,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  /**
   * @throws DomainError `unauthenticated` (unknown user and wrong password alike), `forbidden` (inactive, suspended, no member),
   * `rate_limited` (five failures in a minute, thirty attempts of strangers in an hour).
   */
  async login(signIn: SignIn): Promise<Account & TokenPair> {
    const attempt = { ...signIn, action: 'session.open' };
    const user = await this.proof.prove(attempt, () =>
      this.accounts.findByEmail(this.database, signIn.email, signIn.orgId),
    );
    if (!user) throw wrongCredentials();
    const { orgId } = user;
    if (!user.isActive || orgId === null) {
      await this.proof.refused(attempt, user, 'account_inactive');
      throw user.isActive && signIn.orgId !== undefined ? noMembership() : inactiveAccount();
    }
    const holder = { orgId, userId: user.id, email: user.email, address: signIn.address };
    const pair = await this.database.transaction((tx) => this.sessions.open(tx, holder));
    return { ...accountOf(user, orgId), ...pair };
  }

  /** @throws DomainError `not_found` for a caller without a user. */
  async me(caller: Caller): Promise<Account> {
    return accountOf(await this.userOf(caller), caller.orgId);
  }

  /** Ends the user's other sessions. @throws DomainError `unprocessable` when the current password is wrong, `rate_limited`. */
  async changePassword(caller: Caller, change: { current: string; next: string; address: string }): Promise<void> {
    const user = await this.userOf(caller);
    const { passwordHash } = user;
    const { email } = user;
    const { current: password, address } = change;
    const attempt = { email, password, address, action: 'password.change', isSignedIn: true };
    const proved = await this.proof.prove(attempt, () => Promise.resolve({ ...user, orgId: caller.orgId }));
    if (!proved || passwordHash === null) throw wrongPassword();
    const next = await this.proof.hash(change.next);
    await this.database.transaction(async (tx) => {
      if (!(await this.accounts.changePassword(tx, caller, user.id, passwordHash, next))) throw wrongPassword();
      await this.sessions.endOthers(tx, user.id, caller.sessionId);
      await this.audit.append(tx, caller, done(caller, 'password.change', `user:${user.id}`));
    });
  }

  private async userOf(caller: Caller): Promise<UserRow> {
    const user = caller.userId ? await this.accounts.find(this.database, caller, caller.userId) : undefined;
    if (!user) throw notFound('User');
    return user;
  }
}
