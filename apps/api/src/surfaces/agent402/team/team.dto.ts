import { Transform } from 'class-transformer';
import { IsEmail, IsIn, IsNotEmpty, IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { ROLES, type Role } from '#libs/kernel';
import { StrongPassword } from '../auth/strong-password.js';
import { FreeText } from '../free-text.js';

const trimmed = ({ value }: { value: unknown }): unknown => (typeof value === 'string' ? value.trim() : value);

export class MemberPath {
  /** Of the member; a pending one keeps theirs when they join. */
  @IsUUID()
  id!: string;
}

export class InviteTokenPath {
  @IsString()
  @MaxLength(2048)
  token!: string;
}

export class InviteMemberDto {
  @Transform(trimmed)
  @IsEmail()
  @MaxLength(254)
  email!: string;

  @FreeText()
  @IsString()
  @IsNotEmpty()
  @MaxLength(255)
  name!: string;

  /** Not above the inviter's own. */
  @IsIn(ROLES)
  role!: Role;
}

export class ChangeRoleDto {
  /** Not above the caller's own. */
  @IsIn(ROLES)
  role!: Role;
}

export class ChangeStatusDto {
  @IsIn(['ACTIVE', 'SUSPENDED'])
  status!: 'ACTIVE' | 'SUSPENDED';
}

export class AcceptInviteDto {
  /** Of a new account. Without it a link to set one is mailed, where there is a mail server, and its token is in the answer. */
  @IsOptional()
  @IsString()
  @StrongPassword()
  password?: string;

  /** Of a new account; otherwise the name in the invite. */
  @IsOptional()
  @FreeText()
  @IsString()
  @IsNotEmpty()
  @MaxLength(255)
  full_name?: string;
}

/** What became of an invite's mail. */
export class DeliveryDto {
  /** `queued`, `sent` or `failed`. */
  status!: string;
  attempts!: number;
  /** Why the last attempt failed. */
  error!: string | null;
}

export class MemberDto {
  id!: string;
  /** Null while pending. */
  user_id!: string | null;
  email!: string;
  name!: string;
  /** OWNER, ADMIN, MEMBER or VIEWER. */
  role!: string;
  /** PENDING, ACTIVE or SUSPENDED. */
  status!: string;
  /** Id of a user. */
  invited_by!: string | null;
  /** ISO 8601, UTC. */
  invited_at!: string | null;
  /** ISO 8601, UTC; null while pending. */
  joined_at!: string | null;
  /** ISO 8601, UTC; null unless pending. */
  invite_expires_at!: string | null;
  /** Null unless pending and mailed. */
  invite_mail!: DeliveryDto | null;
}

export class MemberListDto {
  members!: MemberDto[];
}

export class InvitedDto {
  member!: MemberDto;
  /** Shown this once; good for seven days and one use. */
  invite_token!: string;
  message!: string;
}

export class AcceptedDto {
  id!: string;
  user_id!: string;
  workspace_id!: string;
  email!: string;
  name!: string;
  role!: string;
  /** Always `ACTIVE`. */
  status!: string;
  /** ISO 8601, UTC. */
  joined_at!: string;
  /** For a new account without a password: `auth/set-password` takes it, once, within a day. */
  set_password_token!: string | null;
  message!: string;
}
