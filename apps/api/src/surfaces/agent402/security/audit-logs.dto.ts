import { ApiProperty } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import { IsDate, IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { AUDIT_EVENT_TYPES, AUDIT_RESULTS, type AuditEventType, type AuditResult } from '#libs/audit';
import { toMoment } from './moments.js';

export class AuditLogQuery {
  /** Only what this peer, user (`user:<id>`) or key (`key:<id>`) did. */
  @IsOptional()
  @IsString()
  @MaxLength(500)
  peer_id?: string;

  @IsOptional()
  @IsIn(AUDIT_EVENT_TYPES)
  event_type?: AuditEventType;

  @IsOptional()
  @IsIn(AUDIT_RESULTS)
  result?: AuditResult;

  /** ISO 8601; without an offset it is UTC. */
  @ApiProperty({ type: String, format: 'date-time', required: false })
  @IsOptional()
  @Transform(({ value }) => toMoment(value))
  @IsDate()
  start_time?: Date;

  /** ISO 8601; without an offset it is UTC. */
  @ApiProperty({ type: String, format: 'date-time', required: false })
  @IsOptional()
  @Transform(({ value }) => toMoment(value))
  @IsDate()
  end_time?: Date;

  /** 1 to 1000 (100). */
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
  @Max(2_147_483_647)
  offset?: number;
}

export class AuditLogEntryDto {
  /** ISO 8601, UTC. */
  timestamp!: string;
  @ApiProperty({ enum: AUDIT_EVENT_TYPES })
  event_type!: string;
  /** Who did it: a peer's id, `user:<id>`, `key:<id>`, `agent:<id>` or `anonymous`. */
  peer_id!: string;
  /** What was done, for example `agent.start`. */
  action!: string;
  /** What it was done to, for example `agent:<id>`. */
  resource!: string;
  @ApiProperty({ enum: AUDIT_RESULTS })
  result!: string;
  @ApiProperty({ type: String, nullable: true })
  reason!: string | null;
  @ApiProperty({ type: 'object', additionalProperties: true })
  metadata!: Record<string, unknown>;
}

export class AuditLogListDto {
  events!: AuditLogEntryDto[];
  total!: number;
  limit!: number;
  offset!: number;
}
