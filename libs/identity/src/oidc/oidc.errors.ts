import { DomainError } from '#libs/kernel';

export const noProvider = (): DomainError =>
  new DomainError('not_found', 'oidc_not_configured', 'This installation has no OpenID Connect provider');

export const providerUnavailable = (cause: unknown): DomainError =>
  new DomainError(
    'unavailable',
    'identity_provider_unavailable',
    'The identity provider does not answer; try again shortly',
    { retryAfterSeconds: 5 },
    cause,
  );

/** @param reason - the provider's own code, such as `access_denied` */
export const signInFailed = (reason?: string): DomainError =>
  new DomainError(
    'unauthenticated',
    reason === 'access_denied' ? 'access_denied' : 'oidc_failed',
    reason === 'access_denied'
      ? 'The identity provider did not let you in'
      : 'The sign-in did not complete; begin again',
  );

export const attemptInvalid = (): DomainError =>
  new DomainError(
    'validation',
    'oidc_attempt_invalid',
    'This sign-in was not begun here or took too long; begin again',
  );

export const returnRefused = (): DomainError =>
  new DomainError('validation', 'return_to_refused', 'return_to must lead to this API or to one of CORS_ORIGINS');

export const emailNotVerified = (): DomainError =>
  new DomainError('forbidden', 'email_not_verified', 'The identity provider has no verified e-mail address of yours');

export const codeInvalid = (): DomainError =>
  new DomainError('unauthenticated', 'invalid_code', 'The code is wrong, used or older than a minute; sign in again');
