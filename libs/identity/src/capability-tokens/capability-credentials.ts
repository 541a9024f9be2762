import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { AuditLog } from '#libs/audit';
import { ANY_KEY, Notices } from '#libs/events';
import { type Caller, scopesOfRole } from '#libs/kernel';
import { type CounterMetric, Metrics } from '#libs/observability';
import { CallerCache, type Lookup } from '../credentials/caller-cache.js';
import { CREDENTIAL_TOPIC } from '../credentials/credential.service.js';
import { SessionTokens } from '../credentials/tokens.js';
import { scopesAmong } from './capability-token.js';
import { type BearerRow, CapabilityTokenRepository } from './capability-token.repository.js';

/** A caller until a moment, which no cache may stretch. */
interface Bearer extends Caller {
  readonly validUntilMs: number;
}

/** Turns capability tokens into callers. What it found holds for at most 5 s, or until a notice says otherwise. */
@Injectable()
export class CapabilityCredentials implements OnModuleDestroy {
  private readonly cache = new CallerCache();
  private readonly unsubscribe: () => void;
  private readonly validated: CounterMetric<'outcome'>;

  constructor(
    @Inject(CapabilityTokenRepository) private readonly repository: CapabilityTokenRepository,
    @Inject(SessionTokens) private readonly tokens: SessionTokens,
    @Inject(AuditLog) private readonly audit: AuditLog,
    @Inject(Notices) notices: Notices,
    @Inject(Metrics) metrics: Metrics,
  ) {
    const help = 'Capability tokens that were presented, by whether they were good';
    this.validated = metrics.counter('openclaw_capability_validations_total', help, ['outcome']);
    this.unsubscribe = notices.subscribe(CREDENTIAL_TOPIC, (key) =>
      key === ANY_KEY ? this.cache.clear() : this.cache.drop(key),
    );
  }

  onModuleDestroy(): void {
    this.unsubscribe();
  }

  /** @returns undefined for a token that is malformed, expired, revoked, past its grace, or without a living maker. */
  async fromToken(token: string): Promise<Caller | undefined> {
    const jti = await this.tokens.verifyCapability(token);
    if (jti === undefined) return undefined;
    const bearer = (await this.cache.get(jti, () => this.lookUp(jti))) as Bearer | undefined;
    const isGood = bearer !== undefined && bearer.validUntilMs > Date.now();
    this.validated.inc({ outcome: isGood ? 'accepted' : 'refused' });
    return isGood ? bearer : undefined;
  }

  private async lookUp(jti: string): Promise<Lookup> {
    const row = await this.repository.findBearer(jti);
    if (!row) return { caller: undefined, tags: [`token:${jti}`] };
    const caller = bearerOf(row);
    void this.noteUse(caller, jti);
    return { caller, tags: [`token:${jti}`, `user:${row.createdBy}`] };
  }

  /** Once an hour a token. */
  private noteUse(caller: Caller, jti: string): Promise<void> {
    const { subject } = caller;
    const event = { type: 'AUTHENTICATION_SUCCESS', subject, action: 'token.use', result: 'success' } as const;
    return this.audit.recordOnce(caller, { ...event, resource: `token:${jti}` }, { key: `use|${jti}`, seconds: 3_600 });
  }
}

/** A token's power: its capabilities, as far as its maker's present role holds them. */
function bearerOf(row: BearerRow): Bearer {
  const held = scopesOfRole(row.role);
  return {
    kind: 'connection',
    subject: `peer:${row.orgId}:${row.peerId}`,
    orgId: row.orgId,
    role: row.role,
    scopes: scopesAmong(row.capabilities).filter((scope) => held.includes(scope)),
    ...(row.dataScope.length > 0 ? { dataScope: row.dataScope } : {}),
    isPlatformAdmin: false,
    validUntilMs: row.validUntil.getTime(),
  };
}
