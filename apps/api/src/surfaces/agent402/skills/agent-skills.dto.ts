import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsOptional, IsString, MaxLength } from 'class-validator';
import { BoundedJson, CONFIGURATION_BOUNDS } from '../bounded-json.js';

const LONGEST_CREDENTIAL = 8_192;

export class AttachSkillDto {
  /** A tool of the registry, or a skill of the catalogue. `name` and `skill` mean the same */
  @IsOptional()
  @IsString()
  @MaxLength(64)
  skill_name?: string;

  @IsOptional()
  @IsString()
  @MaxLength(64)
  name?: string;

  @IsOptional()
  @IsString()
  @MaxLength(64)
  skill?: string;

  @ApiPropertyOptional({ default: true })
  @IsOptional()
  @IsBoolean()
  enabled?: boolean | null;

  /** Kept and shown as it is: no place for credentials */
  @ApiPropertyOptional({ type: 'object', additionalProperties: true, nullable: true })
  @IsOptional()
  @BoundedJson(CONFIGURATION_BOUNDS)
  config?: Record<string, unknown> | null;
}

export class ConfigureSkillDto {
  /** Credentials are kept encrypted and never shown again */
  @IsOptional()
  @IsString()
  @MaxLength(LONGEST_CREDENTIAL)
  api_key?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(LONGEST_CREDENTIAL)
  access_token?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(LONGEST_CREDENTIAL)
  refresh_token?: string | null;

  /** Further ones, by name */
  @ApiPropertyOptional({ type: 'object', additionalProperties: { type: 'string' }, nullable: true })
  @IsOptional()
  @BoundedJson({ depth: 1, keys: 20, stringLength: LONGEST_CREDENTIAL })
  credentials?: Record<string, unknown> | null;

  /** In the place of what is there; without it that stays */
  @ApiPropertyOptional({ type: 'object', additionalProperties: true, nullable: true })
  @IsOptional()
  @BoundedJson(CONFIGURATION_BOUNDS)
  config?: Record<string, unknown> | null;

  @ApiPropertyOptional({ default: true })
  @IsOptional()
  @IsBoolean()
  enabled?: boolean | null;
}

export class SkillConfigDto {
  id!: string;
  @ApiProperty({ format: 'uuid' })
  agent_id!: string;
  skill_name!: string;
  enabled!: boolean;
  @ApiProperty({ type: 'object', additionalProperties: true })
  config!: Record<string, unknown>;
  has_credentials!: boolean;
  @ApiProperty({ format: 'date-time' })
  created_at!: string;
  @ApiProperty({ format: 'date-time' })
  updated_at!: string;
}

export class AgentSkillDto {
  skill_name!: string;
  enabled!: boolean;
  has_credentials!: boolean;
  @ApiProperty({ type: 'object', additionalProperties: true })
  config!: Record<string, unknown>;
}

export class AgentSkillListDto {
  @ApiProperty({ format: 'uuid' })
  agent_id!: string;
  @ApiProperty({ type: 'integer' })
  total_skills!: number;
  @ApiProperty({ type: 'integer' })
  enabled_skills!: number;
  /** With credentials or a configuration */
  @ApiProperty({ type: 'integer' })
  configured_skills!: number;
  @ApiProperty({ type: [AgentSkillDto] })
  skills!: AgentSkillDto[];
}
