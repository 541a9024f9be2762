import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsOptional, IsUUID, Max, Min } from 'class-validator';
import { BUDGET_SCOPES, type BudgetScope } from '#libs/usage';
import { IfPresent, IsUsd } from '../agento.validation.js';

const MOST_TOKENS = 1_000_000_000_000_000;

/** Limits that are left out stay as they are; null clears one. */
export class PutBudgetDto {
  @ApiProperty({ enum: BUDGET_SCOPES })
  @IsIn(BUDGET_SCOPES)
  scope!: BudgetScope;

  /** The swarm or agent; for the organisation it may be left out */
  @ApiPropertyOptional({ format: 'uuid' })
  @IfPresent()
  @IsUUID()
  id?: string;

  /** US dollars a UTC day, to the millionth; 0 refuses every call that costs something */
  @ApiPropertyOptional({ type: 'number', nullable: true, example: 5, minimum: 0 })
  @IsOptional()
  @IsUsd()
  dailyLimitUsd?: number | null;

  /** US dollars a UTC month */
  @ApiPropertyOptional({ type: 'number', nullable: true, example: 100, minimum: 0 })
  @IsOptional()
  @IsUsd()
  monthlyLimitUsd?: number | null;

  /** Tokens of prompts and answers a UTC day */
  @ApiPropertyOptional({ type: 'integer', nullable: true, example: 1_000_000, minimum: 0 })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MOST_TOKENS)
  dailyLimitTokens?: number | null;

  /** Tokens of prompts and answers a UTC month */
  @ApiPropertyOptional({ type: 'integer', nullable: true, minimum: 0 })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MOST_TOKENS)
  monthlyLimitTokens?: number | null;

  /** At this share of a limit an event is written, once a period; null: never */
  @ApiPropertyOptional({ type: 'integer', nullable: true, default: 80, minimum: 1, maximum: 100 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  softLimitPercent?: number | null;
}

export class BudgetPeriodDto {
  @ApiProperty({ format: 'date-time', example: '2026-11-22T00:00:00.000Z' })
  startsAt!: string;
  @ApiProperty({ format: 'date-time', example: '2026-11-23T00:00:00.000Z' })
  resetsAt!: string;
  @ApiProperty({ type: 'number', example: 1.25 })
  usedUsd!: number;
  @ApiProperty({ type: 'integer', example: 250_000 })
  usedTokens!: number;
  @ApiProperty({ type: 'number', example: 0.01, description: 'Taken by calls that are running' })
  reservedUsd!: number;
  @ApiProperty({ type: 'integer', example: 4_096 })
  reservedTokens!: number;
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  softLimitReachedAt!: string | null;
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true, description: 'When a call was first refused' })
  hardLimitReachedAt!: string | null;
}

export class BudgetDto {
  @ApiProperty({ enum: BUDGET_SCOPES })
  scope!: BudgetScope;
  /** Of the organisation, swarm or agent */
  @ApiProperty({ format: 'uuid' })
  id!: string;
  @ApiProperty({ type: 'string', nullable: true })
  name!: string | null;
  @ApiProperty({ type: 'number', nullable: true, example: 5 })
  dailyLimitUsd!: number | null;
  @ApiProperty({ type: 'number', nullable: true, example: 100 })
  monthlyLimitUsd!: number | null;
  @ApiProperty({ type: 'integer', nullable: true })
  dailyLimitTokens!: number | null;
  @ApiProperty({ type: 'integer', nullable: true })
  monthlyLimitTokens!: number | null;
  @ApiProperty({ type: 'integer', nullable: true, example: 80 })
  softLimitPercent!: number | null;
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true, description: 'Null: there is no limit' })
  updatedAt!: string | null;
  /** The present UTC day */
  daily!: BudgetPeriodDto;
  /** The present UTC month */
  monthly!: BudgetPeriodDto;
}
