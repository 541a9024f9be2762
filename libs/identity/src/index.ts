export type { Account } from './accounts/account.js';
export { AccountsService, type SignIn } from './accounts/accounts.service.js';
export { type FirstAdmin, createFirstAdmin } from './accounts/first-admin.js';
export { type Registered, type Registration, Registrations } from './accounts/registrations.js';
export type { ApiKey } from './api-keys/api-key.js';
export { ApiKeysService, type NewApiKey } from './api-keys/api-keys.service.js';
export {
  type CapabilityProblem,
  type CapabilityRequirement,
  type CapabilityToken,
  capabilityProblem,
} from './capability-tokens/capability-token.js';
export { CapabilityCredentials } from './capability-tokens/capability-credentials.js';
export type { ListTokens } from './capability-tokens/capability-token.repository.js';
export {
  CapabilityTokensService,
  GRACE_SECONDS,
  type IssueToken,
  type IssuedToken,
} from './capability-tokens/capability-tokens.service.js';
export { CREDENTIAL_TOPIC, CredentialService } from './credentials/credential.service.js';
export { IdentityUpkeep } from './identity-upkeep.js';
export { IdentityModule } from './identity.module.js';
export { OrganisationDeletions } from './organisations/organisation-deletions.js';
export { OrganisationDeletionsModule } from './organisations/organisation-deletions.module.js';
export {
  type OrganisationDeparture,
  OrganisationDepartures,
  OrganisationDeparturesModule,
} from './organisations/organisation-departures.js';
export { type OrganisationAccount, OrganisationsService } from './organisations/organisations.service.js';
export type { Plan } from './organisations/plans.js';
export { passwordWeakness } from './passwords.js';
export { PasswordResetService } from './accounts/password-reset.service.js';
export { type Accepted, type Acceptance, InviteAcceptance } from './team/invite-acceptance.js';
export { InvitationsService, type InviteMember } from './team/invitations.service.js';
export { InviteRetention } from './team/invite-retention.js';
export type { Delivery, Invited, Member, MemberStatus } from './team/member.js';
export { TeamModule } from './team/team.module.js';
export { TeamService } from './team/team.service.js';
export { MailDeliveryModule } from './mails/mail-delivery.module.js';
export { MailSender } from './mails/mail-sender.js';
export { SEND_MAIL, type SendMail, identityJobs } from './mails/mails.jobs.js';
export { ACCESS_SECONDS } from './credentials/tokens.js';
export { SessionsService, type TokenPair } from './sessions/sessions.service.js';
export { ATTEMPT_SECONDS } from './oidc/oidc-attempts.js';
export { type OidcArrival, type OidcDeparture, OidcSignInService, type OidcWish } from './oidc/oidc-sign-in.service.js';
export { OidcModule } from './oidc/oidc.module.js';
