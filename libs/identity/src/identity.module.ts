import { Module } from '@nestjs/common';
import { AuditModule } from '#libs/audit';
import { CONFIG, type Config } from '#libs/config';
import { Database } from '#libs/database';
import { SlidingWindow } from '#libs/rate-limit';
import { AccountRepository } from './accounts/account.repository.js';
import { AccountsService } from './accounts/accounts.service.js';
import { LoginFailures } from './accounts/login-failures.js';
import { PasswordProof } from './accounts/password-proof.js';
import { Newcomers } from './accounts/newcomers.js';
import { Doors, Registrations } from './accounts/registrations.js';
import { ApiKeyRepository } from './api-keys/api-key.repository.js';
import { ApiKeysService } from './api-keys/api-keys.service.js';
import { CapabilityCredentials } from './capability-tokens/capability-credentials.js';
import { CapabilityTokenRepository } from './capability-tokens/capability-token.repository.js';
import { CapabilityTokensService } from './capability-tokens/capability-tokens.service.js';
import { CredentialRepository } from './credentials/credential.repository.js';
import { CredentialService } from './credentials/credential.service.js';
import { SessionTokens } from './credentials/tokens.js';
import { IdentityUpkeep } from './identity-upkeep.js';
import { OidcRepository } from './oidc/oidc.repository.js';
import { OrganisationRepository } from './organisations/organisation.repository.js';
import { OrganisationsService } from './organisations/organisations.service.js';
import { Passwords } from './passwords.js';
import { SessionRepository } from './sessions/session.repository.js';
import { SessionsService } from './sessions/sessions.service.js';
import { InviteRepository } from './team/invite.repository.js';
import { Invites } from './team/invites.js';
import { TeamTokens } from './team/team-tokens.js';

/** For the other modules of this library. */
const SHARED = [
  AccountRepository,
  ApiKeyRepository,
  OidcRepository,
  SessionRepository,
  Passwords,
  TeamTokens,
  Newcomers,
  Doors,
  Invites,
];

/** Organisations, users, memberships, login sessions and API keys. */
@Module({
  imports: [AuditModule],
  providers: [
    Passwords,
    AccountRepository,
    ApiKeyRepository,
    CapabilityCredentials,
    CapabilityTokenRepository,
    CapabilityTokensService,
    CredentialRepository,
    OidcRepository,
    OrganisationRepository,
    SessionRepository,
    {
      provide: SessionTokens,
      inject: [CONFIG],
      useFactory: (config: Config) => new SessionTokens(config.security.jwtSecret),
    },
    {
      provide: TeamTokens,
      inject: [CONFIG],
      useFactory: (config: Config) => new TeamTokens(config.security.jwtSecret),
    },
    InviteRepository,
    Invites,
    Newcomers,
    Doors,
    {
      provide: SlidingWindow,
      inject: [Database],
      useFactory: (database: Database) => new SlidingWindow(database),
    },
    CredentialService,
    LoginFailures,
    PasswordProof,
    Registrations,
    SessionsService,
    AccountsService,
    ApiKeysService,
    OrganisationsService,
    IdentityUpkeep,
  ],
  exports: [
    ...SHARED,
    AccountsService,
    ApiKeysService,
    CapabilityCredentials,
    CapabilityTokensService,
    CredentialService,
    IdentityUpkeep,
    OrganisationsService,
    Registrations,
    SessionsService,
  ],
})
export class IdentityModule {}
