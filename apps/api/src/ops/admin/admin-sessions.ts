import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { ACCESS_SECONDS, AccountsService, CredentialService, SessionsService, type SignIn } from '#libs/identity';
import { type Caller, DomainError } from '#libs/kernel';
import { adminCookie, adminTokenOf, clearedAdminCookie } from './admin-cookie.js';

/** Sessions of platform admins in a browser: an ordinary login session whose access token lives in a cookie of /admin. */
@Injectable()
export class AdminSessions {
  private readonly secure: boolean;

  constructor(
    @Inject(AccountsService) private readonly accounts: AccountsService,
    @Inject(SessionsService) private readonly sessions: SessionsService,
    @Inject(CredentialService) private readonly credentials: CredentialService,
    @Inject(CONFIG) config: Config,
  ) {
    this.secure = config.http.publicUrl.startsWith('https:');
  }

  /** @returns the `Set-Cookie` value. @throws DomainError as a login does; `forbidden` for whom is no platform admin. */
  async signIn(signIn: SignIn): Promise<string> {
    const { accessToken } = await this.accounts.login(signIn);
    const caller = await this.credentials.fromAccessToken(accessToken);
    if (!caller?.isPlatformAdmin) {
      if (caller) await this.sessions.logout(caller);
      throw new DomainError('forbidden', 'forbidden', 'This account is no platform admin');
    }
    return adminCookie(accessToken, ACCESS_SECONDS, this.secure);
  }

  /** Ends the session a cookie stands for. @returns the `Set-Cookie` value that takes the cookie away. */
  async signOut(cookies: string | undefined): Promise<string> {
    const caller = await this.callerOf(cookies);
    if (caller) await this.sessions.logout(caller);
    return clearedAdminCookie(this.secure);
  }

  /** Who a `Cookie` header stands for; undefined when it stands for nobody (any more). */
  async callerOf(cookies: string | undefined): Promise<Caller | undefined> {
    const token = adminTokenOf(cookies);
    if (token === undefined) return undefined;
    try {
      return await this.credentials.fromAccessToken(token);
    } catch (error) {
      if (error instanceof DomainError && error.kind !== 'unavailable') return undefined;
      throw error;
    }
  }
}
