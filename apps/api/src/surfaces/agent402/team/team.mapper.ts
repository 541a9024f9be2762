import type { Acceptance, Accepted, Invited, Member } from '#libs/identity';
import type { OutcomeDto } from '../auth/auth.dto.js';
import type { AcceptInviteDto, AcceptedDto, InvitedDto, MemberDto, MemberListDto } from './team.dto.js';

export const toMember = (member: Member): MemberDto => ({
  id: member.id,
  user_id: member.userId,
  email: member.email,
  name: member.name,
  role: member.role,
  status: member.status,
  invited_by: member.invitedBy,
  invited_at: member.invitedAt?.toISOString() ?? null,
  joined_at: member.joinedAt?.toISOString() ?? null,
  invite_expires_at: member.inviteExpiresAt?.toISOString() ?? null,
  invite_mail: member.delivery && { ...member.delivery },
});

export const toMemberList = (members: readonly Member[]): MemberListDto => ({ members: members.map(toMember) });

export const toInvited = ({ member, token, isMailed }: Invited): InvitedDto => ({
  member: toMember(member),
  invite_token: token,
  message: isMailed
    ? `The invitation is on its way to ${member.email}`
    : 'The invitation is made, but no mail server is configured: pass the token on yourself',
});

export const removed = (): OutcomeDto => ({ message: 'Member removed' });

export const toAcceptance = (body: AcceptInviteDto | undefined): Acceptance => ({
  password: body?.password,
  fullName: body?.full_name,
});

export const toAccepted = (accepted: Accepted): AcceptedDto => ({
  id: accepted.id,
  user_id: accepted.userId,
  workspace_id: accepted.orgId,
  email: accepted.email,
  name: accepted.name,
  role: accepted.role,
  status: 'ACTIVE',
  joined_at: accepted.joinedAt.toISOString(),
  set_password_token: accepted.passwordToken,
  message: messageOf(accepted),
});

function messageOf({ passwordToken, isMailed, email }: Accepted): string {
  if (passwordToken === null) return 'Invitation accepted; sign in to this workspace';
  const mailed = isMailed ? `, or open the link that is on its way to ${email}` : '';
  return `Invitation accepted; set a password with set_password_token${mailed}`;
}
