import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsString, IsUUID, Length, Max, Min } from 'class-validator';
import { USAGE_GROUPS, type UsageGroup } from '#libs/usage';
import { PaginationDto } from '../agento.openapi.js';
import { IfPresent } from '../agento.validation.js';

export class UsageQueryDto {
  /** First UTC day (ISO 8601; of a moment, its day). Left out: 29 days before `to` */
  @ApiPropertyOptional({ example: '2026-11-01' })
  @IfPresent()
  @IsString()
  @Length(10, 40)
  from?: string;

  /** Last UTC day, counted too. Left out: today */
  @ApiPropertyOptional({ example: '2026-11-30' })
  @IfPresent()
  @IsString()
  @Length(10, 40)
  to?: string;

  /** What one row adds up */
  @ApiPropertyOptional({ enum: USAGE_GROUPS, default: 'day' })
  @IfPresent()
  @IsIn(USAGE_GROUPS)
  groupBy?: UsageGroup;

  /** Only what this agent used; it may be deleted since */
  @ApiPropertyOptional({ format: 'uuid' })
  @IfPresent()
  @IsUUID()
  agentId?: string;

  /** Only what agents used while they were in this swarm */
  @ApiPropertyOptional({ format: 'uuid' })
  @IfPresent()
  @IsUUID()
  swarmId?: string;

  /** At most 100; more is answered with 100 */
  @ApiPropertyOptional({ type: 'integer', default: 50, minimum: 1, maximum: 100 })
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  limit?: number;

  @ApiPropertyOptional({ type: 'integer', default: 0, minimum: 0 })
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  offset?: number;
}

export class UsageSumsDto {
  @ApiProperty({ type: 'integer', example: 12 })
  calls!: number;
  @ApiProperty({
    type: 'integer',
    example: 1,
    description: 'Calls whose tokens were counted here: the provider did not say',
  })
  estimatedCalls!: number;
  @ApiProperty({
    type: 'integer',
    example: 0,
    description: 'Calls of models without a price, counted as costing nothing',
  })
  unpricedCalls!: number;
  @ApiProperty({ type: 'integer', example: 10_240, description: 'Prompts, with what came from a cache' })
  inputTokens!: number;
  @ApiProperty({ type: 'integer', example: 4_096 })
  cachedInputTokens!: number;
  @ApiProperty({ type: 'integer', example: 2_048 })
  outputTokens!: number;
  @ApiProperty({ type: 'integer', example: 12_288, description: 'inputTokens + outputTokens' })
  totalTokens!: number;
  @ApiProperty({ type: 'number', example: 0.023041, description: 'US dollars, to the millionth' })
  costUsd!: number;
}

export class UsageRowDto extends UsageSumsDto {
  /** With groupBy=day: the UTC day */
  @ApiPropertyOptional({ format: 'date', example: '2026-11-22' })
  day?: string;
  /** With groupBy=agent */
  @ApiPropertyOptional({ format: 'uuid' })
  agentId?: string;
  @ApiPropertyOptional({ type: 'string', nullable: true })
  agentName?: string | null;
  /** With groupBy=swarm; null: agents in no swarm */
  @ApiPropertyOptional({ type: 'string', format: 'uuid', nullable: true })
  swarmId?: string | null;
  @ApiPropertyOptional({ type: 'string', nullable: true })
  swarmName?: string | null;
  /** With groupBy=model */
  @ApiPropertyOptional({ enum: ['openai', 'anthropic', 'google', 'demo'] })
  provider?: string;
  @ApiPropertyOptional({ example: 'gpt-5-mini' })
  model?: string;
}

export class UsagePeriodDto {
  @ApiProperty({ format: 'date', example: '2026-11-01' })
  from!: string;
  @ApiProperty({ format: 'date', example: '2026-11-30' })
  to!: string;
}

export class UsageReportDto {
  @ApiProperty({ type: [UsageRowDto] })
  data!: UsageRowDto[];
  pagination!: PaginationDto;
  /** Of all rows, on this page or not */
  totals!: UsageSumsDto;
  period!: UsagePeriodDto;
}
