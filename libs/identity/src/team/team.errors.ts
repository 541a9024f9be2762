import { DomainError, conflict, notFound } from '#libs/kernel';

export const memberNotFound = (): DomainError => notFound('Member');

export const alreadyMember = (): DomainError =>
  conflict('member_exists', 'A member or a pending invite with this e-mail address exists already');

export const aboveOwnRole = (): DomainError =>
  new DomainError('forbidden', 'forbidden', 'Nobody grants a role above their own');

export const roleLost = (): DomainError => new DomainError('forbidden', 'forbidden', 'This needs the role ADMIN');

export const ownerProtected = (message: string): DomainError =>
  new DomainError('unprocessable', 'owner_protected', message);

export const inviteInvalid = (): DomainError =>
  new DomainError('unprocessable', 'invite_invalid', 'This invite is not valid or has expired; ask for a new one');

export const inviteAccepted = (): DomainError =>
  conflict('invite_accepted', 'This invite has been accepted already; sign in instead');

export const passwordLinkInvalid = (): DomainError =>
  new DomainError('unprocessable', 'password_link_invalid', 'This link is not valid, was used or has expired');

export const teamFull = (limit: number): DomainError =>
  new DomainError('plan_limit', 'plan_limit_reached', `An organisation can have at most ${limit} members and invites`, {
    limit,
  });

export const tooManyInvites = (limit: number): DomainError =>
  new DomainError('rate_limited', 'too_many_invites', `At most ${limit} invites a day; try again tomorrow`, {
    limit,
    retryAfterSeconds: 3_600,
  });

export const tooManyMails = (limit: number): DomainError =>
  new DomainError(
    'rate_limited',
    'too_many_mails',
    `An invite is mailed at most ${limit} times a day; try again tomorrow`,
    {
      limit,
      retryAfterSeconds: 3_600,
    },
  );
