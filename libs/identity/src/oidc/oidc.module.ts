import { Module } from '@nestjs/common';
import { AuditModule } from '#libs/audit';
import { IdentityModule } from '../identity.module.js';
import { OidcAttempts } from './oidc-attempts.js';
import { OidcAccounts, OidcPeople } from './oidc-people.js';
import { OidcProvider } from './oidc-provider.js';
import { OidcSignInService } from './oidc-sign-in.service.js';

/** Signing in with an OpenID Connect provider, for the API. */
@Module({
  imports: [IdentityModule, AuditModule],
  providers: [OidcProvider, OidcAttempts, OidcAccounts, OidcPeople, OidcSignInService],
  exports: [OidcSignInService],
})
export class OidcModule {}
