import { Transform } from 'class-transformer';
import { IsEmail, IsNotEmpty, IsOptional, IsString, IsUUID, MaxLength, MinLength, ValidateIf } from 'class-validator';
import { StrongPassword } from './strong-password.js';

const trimmed = ({ value }: { value: unknown }): unknown => (typeof value === 'string' ? value.trim() : value);

/** `full_name` is upstream's name of the field, `name` the document's: either will do. */
export class RegisterDto {
  @Transform(trimmed)
  @IsEmail()
  @MaxLength(254)
  email!: string;

  @IsString()
  @StrongPassword()
  password!: string;

  @ValidateIf((body: RegisterDto) => body.name === undefined || body.full_name !== undefined)
  @Transform(trimmed)
  @IsString()
  @IsNotEmpty()
  @MaxLength(255)
  full_name?: string;

  @ValidateIf((body: RegisterDto) => body.name !== undefined)
  @Transform(trimmed)
  @IsString()
  @IsNotEmpty()
  @MaxLength(255)
  name?: string;

  /** Id or slug of an existing organisation, which only an invite opens; any other text gives a new one. */
  @IsOptional()
  @IsString()
  @MaxLength(255)
  workspace_id?: string;

  @IsOptional()
  @IsString()
  @MaxLength(2048)
  invite_token?: string;
}

export class RegisteredDto {
  user_id!: string;
  email!: string;
  full_name!: string;
  workspace_id!: string;
  message!: string;
}

export class LoginDto {
  @Transform(trimmed)
  @IsString()
  @MinLength(1)
  @MaxLength(254)
  email!: string;

  @IsString()
  @MinLength(1)
  @MaxLength(256)
  password!: string;

  /** For members of several workspaces; otherwise the one they have been in longest. */
  @IsOptional()
  @IsUUID()
  workspace_id?: string;
}

export class LoggedInDto {
  access_token!: string;
  refresh_token!: string;
  /** Always `bearer`. */
  token_type!: string;
  /** Seconds until the access token expires. */
  expires_in!: number;
  user_id!: string;
  email!: string;
  full_name!: string;
  workspace_id!: string;
}

export class MeDto {
  id!: string;
  email!: string;
  full_name!: string;
  workspace_id!: string;
  is_active!: boolean;
  /** ISO 8601, UTC. */
  created_at!: string;
}

export class RefreshDto {
  /** Only when the token is not sent as `Authorization: Bearer`. */
  @IsOptional()
  @IsString()
  @MaxLength(8192)
  refresh_token?: string;
}

export class RefreshedDto {
  access_token!: string;
  /** Replaces the token just used, which is good no longer. */
  refresh_token!: string;
  /** Always `bearer`. */
  token_type!: string;
  /** Seconds until the access token expires. */
  expires_in!: number;
}

export class LoggedOutDto {
  message!: string;
  user_id!: string;
}

export class ChangePasswordDto {
  @IsString()
  @MinLength(1)
  @MaxLength(256)
  current_password!: string;

  @IsString()
  @StrongPassword()
  new_password!: string;
}

export class OutcomeDto {
  message!: string;
}
