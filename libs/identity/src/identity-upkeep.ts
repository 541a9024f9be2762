import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { ApiKeysService } from './api-keys/api-keys.service.js';
import { CapabilityTokensService } from './capability-tokens/capability-tokens.service.js';
import { OidcRepository } from './oidc/oidc.repository.js';
import { SessionsService } from './sessions/sessions.service.js';

/** Deletes credentials that ended long ago. */
@Injectable()
export class IdentityUpkeep {
  constructor(
    @Inject(SessionsService) private readonly sessions: SessionsService,
    @Inject(ApiKeysService) private readonly apiKeys: ApiKeysService,
    @Inject(CapabilityTokensService) private readonly tokens: CapabilityTokensService,
    @Inject(OidcRepository) private readonly oidc: OidcRepository,
    @Inject(Database) private readonly database: Database,
  ) {}

  /** A bounded batch of each kind. */
  async sweep(batch: number): Promise<void> {
    await this.sessions.sweep(batch);
    await this.apiKeys.sweep(batch);
    await this.tokens.sweep(batch);
    await this.oidc.sweep(this.database, batch);
  }
}
