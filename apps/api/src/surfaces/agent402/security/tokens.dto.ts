import { ApiProperty } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  IsUUID,
  Max,
  MaxLength,
  Min,
} from 'class-validator';

const LARGEST_INT = 2_147_483_647;
const YEAR_SECONDS = 31_536_000;
const trimmed = ({ value }: { value: unknown }): unknown => (typeof value === 'string' ? value.trim() : value);

export class IssueTokenDto {
  /** Who is to use it. */
  @Transform(trimmed)
  @IsString()
  @IsNotEmpty()
  @MaxLength(255)
  peer_id!: string;

  /** Scopes such as `agents:read`, of which the caller must hold each, and names such as `can_execute:llama-2-7b`. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(50)
  @IsString({ each: true })
  @MaxLength(200, { each: true })
  capabilities!: string[];

  @IsInt()
  @Min(0)
  @Max(LARGEST_INT)
  max_gpu_minutes!: number;

  @IsInt()
  @Min(0)
  @Max(LARGEST_INT)
  max_concurrent_tasks!: number;

  /** Ids of the agents and swarms it reaches; without any it reaches all. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsUUID('all', { each: true })
  data_scope?: string[];

  /** 60 to 31536000 (3600). */
  @IsOptional()
  @IsInt()
  @Min(60)
  @Max(YEAR_SECONDS)
  expires_in_seconds?: number;
}

export class TokenListQuery {
  @IsOptional()
  @IsString()
  @MaxLength(255)
  peer_id?: string;

  /** Only expired tokens, or only those that are not. */
  @ApiProperty({ type: Boolean, required: false })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (value === 'true' || value === 'false' ? value === 'true' : value))
  @IsBoolean()
  expired?: boolean;

  /** 1 to 1000 (1000). */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_000)
  limit?: number;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(LARGEST_INT)
  offset?: number;
}

export class RotateTokenQuery {
  /** Seconds by which the new token outlives the old one; without it, it lives as long as the old one did. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(60)
  @Max(YEAR_SECONDS)
  extends_by?: number;
}

export class TokenDto {
  /** The id in full, when the token was just made; in lists null. */
  @ApiProperty({ type: String, nullable: true })
  jti!: string | null;
  /** Names the token in the routes that rotate and revoke it, like the whole id. */
  jti_masked!: string;
  peer_id!: string;
  capabilities!: string[];
  max_gpu_minutes!: number;
  max_concurrent_tasks!: number;
  data_scope!: string[];
  /** Seconds since 1970, UTC. */
  expires_at!: number;
  is_expired!: boolean;
  /** Seconds that are left; 0 when it is expired. */
  expires_in_seconds!: number;
  /** The token this one took the place of. */
  @ApiProperty({ type: String, nullable: true })
  parent_jti!: string | null;
}

export class TokenListDto {
  tokens!: TokenDto[];
  total!: number;
}

export class IssuedTokenDto {
  jti!: string;
  jti_masked!: string;
  peer_id!: string;
  capabilities!: string[];
  /** Seconds since 1970, UTC. */
  expires_at!: number;
  /** The token itself, for `Authorization: Bearer`. It is shown this once and can't be had again. */
  token!: string;
}

export class RotatedTokenDto extends TokenDto {
  /** The new token itself, shown this once. The old one works for five more minutes. */
  token!: string;
}
