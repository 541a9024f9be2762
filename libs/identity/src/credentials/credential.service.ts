import { createHash } from 'node:crypto';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { AuditLog } from '#libs/audit';
import { ANY_KEY, Notices } from '#libs/events';
import { type Caller, SCOPES, type ScopeName, scopesOfRole } from '#libs/kernel';
import { Logger } from '#libs/observability';
import { inactiveAccount } from '../identity.errors.js';
import { CallerCache, type Lookup } from './caller-cache.js';
import { CredentialRepository, type KeyOwner } from './credential.repository.js';
import { type AccessClaims, SessionTokens } from './tokens.js';

/** Topic of notices about credentials; keys are subjects (`user:<id>`, `key:<id>`) and session ids. */
export const CREDENTIAL_TOPIC = 'credential';

const API_KEY = /^ak_live_[0-9a-f]{32}$/;
/** Tag of a caller whose account is inactive, remembered to tell 403 from 401. */
const INACTIVE: Caller['subject'] = 'inactive';

/** Turns credentials into callers. What it found holds for at most 5 s, or until a notice says otherwise. */
@Injectable()
export class CredentialService implements OnModuleDestroy {
  private readonly cache = new CallerCache();
  private readonly unsubscribe: () => void;

  constructor(
    @Inject(CredentialRepository) private readonly credentials: CredentialRepository,
    @Inject(SessionTokens) private readonly tokens: SessionTokens,
    @Inject(Notices) notices: Notices,
    @Inject(Logger) private readonly logger: Logger,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {
    this.unsubscribe = notices.subscribe(CREDENTIAL_TOPIC, (key) =>
      key === ANY_KEY ? this.cache.clear() : this.cache.drop(key),
    );
  }

  onModuleDestroy(): void {
    this.unsubscribe();
  }

  /** @returns undefined for a key that is malformed, unknown, revoked or without a living maker. */
  async fromApiKey(key: string): Promise<Caller | undefined> {
    if (!API_KEY.test(key)) return undefined;
    const hash = hashOfKey(key);
    return this.cache.get(`key:${hash.toString('base64')}`, () => this.lookUpKey(hash));
  }

  /**
   * @returns undefined for a token that is malformed, expired, of another type, or whose session ended.
   * @throws DomainError `forbidden` (`account_inactive`) for the token of an inactive user.
   */
  async fromAccessToken(token: string): Promise<Caller | undefined> {
    const claims = await this.tokens.verifyAccess(token);
    return claims && this.ofSession(claims);
  }

  /** @returns undefined when it ended. @throws DomainError `forbidden` (`account_inactive`). */
  async ofSession(claims: AccessClaims): Promise<Caller | undefined> {
    const { sessionId, userId, orgId } = claims;
    const caller = await this.cache.get(`session:${sessionId}:${userId}:${orgId}`, () => this.lookUpSession(claims));
    if (caller?.subject === INACTIVE) throw inactiveAccount();
    return caller;
  }

  private async lookUpKey(hash: Buffer): Promise<Lookup> {
    const owner = await this.credentials.findKey(hash);
    if (!owner) return { caller: undefined, tags: [] };
    if (owner.isSuspended) return { caller: undefined, tags: [`user:${owner.userId}`] };
    this.credentials
      .touchKey(owner.keyId)
      .catch((error: unknown) => this.logger.debug('last use not noted', { error, keyId: owner.keyId }));
    const caller = callerOfKey(owner);
    void this.noteUse(caller);
    return { caller, tags: [caller.subject, `user:${owner.userId}`] };
  }

  /** Once an hour a key. */
  private noteUse(caller: Caller): Promise<void> {
    const { subject } = caller;
    const event = { type: 'AUTHENTICATION_SUCCESS', subject, action: 'api_key.use', result: 'success' } as const;
    return this.audit.recordOnce(caller, { ...event, resource: subject }, { key: `use|${subject}`, seconds: 3_600 });
  }

  private async lookUpSession(claims: AccessClaims): Promise<Lookup> {
    const { sessionId, userId, orgId } = claims;
    const owner = await this.credentials.findSession(claims);
    const tags = [sessionId, `user:${userId}`];
    if (!owner) return { caller: undefined, tags };
    const caller: Caller = {
      kind: 'user',
      subject: owner.isActive ? `user:${userId}` : INACTIVE,
      orgId,
      userId,
      sessionId,
      role: owner.role,
      scopes: scopesOfRole(owner.role),
      isPlatformAdmin: owner.isPlatformAdmin,
    };
    return { caller, tags };
  }
}

/** Keys are random, so a plain SHA-256 is enough to look them up and useless to whoever reads the table. */
export const hashOfKey = (key: string): Buffer => createHash('sha256').update(key).digest();

/** A key's power: its own scopes, as far as its maker's present role still holds them. */
function callerOfKey(owner: KeyOwner): Caller {
  const held = scopesOfRole(owner.role);
  const scopes: readonly ScopeName[] = SCOPES.filter((scope) => owner.scopes.includes(scope) && held.includes(scope));
  return {
    kind: 'apiKey',
    subject: `key:${owner.keyId}`,
    orgId: owner.orgId,
    userId: owner.userId,
    keyId: owner.keyId,
    role: owner.role,
    scopes,
    isPlatformAdmin: false,
  };
}
