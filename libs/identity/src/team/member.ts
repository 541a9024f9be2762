import type { Role } from '#libs/kernel';

/** `PENDING`: invited, not here yet. `SUSPENDED`: here, but let in no more until reinstated. */
export type MemberStatus = 'PENDING' | 'ACTIVE' | 'SUSPENDED';

/** What became of the message that carries an invite. */
export interface Delivery {
  readonly status: 'queued' | 'sent' | 'failed';
  readonly attempts: number;
  /** Why the last attempt failed. */
  readonly error: string | null;
}

/** Somebody of an organisation, or invited to it. The id stays the same when the invite is accepted. */
export interface Member {
  readonly id: string;
  /** Null while pending. */
  readonly userId: string | null;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly status: MemberStatus;
  /** User who invited them; null for whoever made the organisation. */
  readonly invitedBy: string | null;
  readonly invitedAt: Date | null;
  /** Null while pending. */
  readonly joinedAt: Date | null;
  /** Of a pending member's invite; null when it is not mailed. */
  readonly delivery: Delivery | null;
  /** When a pending member's invite ends. */
  readonly inviteExpiresAt: Date | null;
}

/** A new invite; the token is shown this once. */
export interface Invited {
  readonly member: Member;
  readonly token: string;
  /** It is on its way by mail; otherwise somebody has to pass the token on. */
  readonly isMailed: boolean;
}
