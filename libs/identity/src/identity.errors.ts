import { DomainError } from '#libs/kernel';

export const emailTaken = (): DomainError => new DomainError('conflict', 'email_taken', 'Email already registered');

export const wrongCredentials = (): DomainError =>
  new DomainError('unauthenticated', 'wrong_credentials', 'Incorrect email or password');

export const wrongPassword = (): DomainError =>
  new DomainError('unprocessable', 'wrong_password', 'Current password is incorrect');

export const inactiveAccount = (): DomainError =>
  new DomainError('forbidden', 'account_inactive', 'This account is inactive');

export const noMembership = (): DomainError =>
  new DomainError('forbidden', 'not_a_member', 'This account is no active member of that workspace');

export const invalidRefreshToken = (): DomainError =>
  new DomainError('unauthenticated', 'invalid_refresh_token', 'Invalid or expired refresh token');

export const registrationClosed = (): DomainError =>
  new DomainError('forbidden', 'registration_closed', 'Registration is closed; ask an administrator for an invite');

export const inviteNeeded = (): DomainError =>
  new DomainError('forbidden', 'invite_required', 'A valid invite for this e-mail address is needed');

export const tooManyFailures = (retryAfterSeconds: number, limit: number): DomainError =>
  new DomainError('rate_limited', 'too_many_failures', 'Too many failed sign-ins; try again later', {
    retryAfterSeconds,
    limit,
  });
