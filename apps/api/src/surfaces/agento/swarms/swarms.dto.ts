import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, Length, Matches, MaxLength } from 'class-validator';
import { IfPresent } from '../agento.validation.js';

const LONGEST_DESCRIPTION = 2_000;
const LONGEST_ICON = 100;

export class CreateSwarmDto {
  /**
   * The slug is made from it
   * @example "Growth"
   */
  @IsString()
  @Length(1, 100)
  @Matches(/\S/, { message: '$property must not be blank' })
  name!: string;

  /** Short description of the swarm */
  @ApiPropertyOptional({ type: String, nullable: true, example: 'Agents focused on growth initiatives.' })
  @IsOptional()
  @IsString()
  @MaxLength(LONGEST_DESCRIPTION)
  description?: string | null;

  /** Emoji or icon string */
  @ApiPropertyOptional({ type: String, nullable: true, example: '🚀' })
  @IsOptional()
  @IsString()
  @MaxLength(LONGEST_ICON)
  icon?: string | null;
}

export class UpdateSwarmDto {
  /**
   * New name; the slug stays
   * @example "Growth Team"
   */
  @IfPresent()
  @IsString()
  @Length(1, 100)
  @Matches(/\S/, { message: '$property must not be blank' })
  name?: string;

  /** New description, or null to clear it */
  @ApiPropertyOptional({ type: String, nullable: true, maxLength: LONGEST_DESCRIPTION })
  @IsOptional()
  @IsString()
  @MaxLength(LONGEST_DESCRIPTION)
  description?: string | null;

  /** New icon, or null to clear it */
  @ApiPropertyOptional({ type: String, nullable: true, maxLength: LONGEST_ICON })
  @IsOptional()
  @IsString()
  @MaxLength(LONGEST_ICON)
  icon?: string | null;
}

export class SwarmDto {
  @ApiProperty({ format: 'uuid', example: 'b1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  /** @example "Growth" */
  name!: string;
  /**
   * Unique in the account; never changes
   * @example "growth"
   */
  slug!: string;
  @ApiProperty({ type: String, nullable: true, example: 'Agents focused on growth initiatives.' })
  description!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  icon!: string | null;
  @ApiProperty({ type: 'integer', example: 3 })
  agentCount!: number;
  @ApiProperty({ type: 'integer', example: 2 })
  memberCount!: number;
  @ApiProperty({ format: 'date-time', example: '2026-02-01T10:00:00.000Z' })
  createdAt!: string;
  @ApiProperty({ format: 'date-time', example: '2026-02-15T12:00:00.000Z' })
  updatedAt!: string;
}

export class SwarmAgentDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  /** @example "My Assistant" */
  name!: string;
  /** @example "running" */
  status!: string;
  @ApiProperty({ format: 'date-time', example: '2026-01-15T10:30:00.000Z' })
  createdAt!: string;
}

export class SwarmDetailsDto extends SwarmDto {
  /** Newest first, at most 1000 */
  @ApiProperty({ type: [SwarmAgentDto] })
  agents!: SwarmAgentDto[];
}

export class DeletedSwarmDto {
  @ApiProperty({ format: 'uuid', example: 'b1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  @ApiProperty({ example: true })
  deleted!: boolean;
}

export class ChangedSwarmSecretsDto {
  @ApiProperty({ example: true })
  updated!: boolean;
  /** Names of what is stored now; values are never shown */
  @ApiProperty({ type: [String], example: ['openai_api_key'] })
  secrets!: string[];
}

export class SwarmMemberDto {
  @ApiProperty({ format: 'uuid', example: 'c1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  userId!: string;
  @ApiProperty({ example: 'Ada Lovelace' })
  name!: string;
  @ApiProperty({ format: 'date-time', example: '2026-02-01T10:00:00.000Z' })
  addedAt!: string;
}
