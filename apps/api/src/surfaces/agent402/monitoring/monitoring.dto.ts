import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsISO8601, IsNumber, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

const SUBSYSTEM = {
  type: 'object',
  nullable: true,
  additionalProperties: true,
  properties: { available: { type: 'boolean' } },
} as const;

export class SwarmHealthDto {
  @ApiProperty({ enum: ['healthy', 'degraded', 'unhealthy'] })
  status!: string;
  @ApiProperty({ format: 'date-time' })
  timestamp!: string;
  subsystems_available!: number;
  subsystems_total!: number;
  @ApiProperty(SUBSYSTEM)
  lease_expiration!: object | null;
  @ApiProperty(SUBSYSTEM)
  result_buffer!: object | null;
  @ApiProperty(SUBSYSTEM)
  partition_detection!: object | null;
  @ApiProperty(SUBSYSTEM)
  node_crash_detection!: object | null;
  @ApiProperty(SUBSYSTEM)
  lease_revocation!: object | null;
  @ApiProperty(SUBSYSTEM)
  duplicate_prevention!: object | null;
  @ApiProperty(SUBSYSTEM)
  ip_pool!: object | null;
  @ApiProperty(SUBSYSTEM)
  message_verification!: object | null;
}

export class TimelineQueryDto {
  @IsOptional()
  @IsString()
  @MaxLength(255)
  task_id?: string;

  @IsOptional()
  @IsString()
  @MaxLength(255)
  peer_id?: string;

  /** One that there is not finds nothing. */
  @IsOptional()
  @IsString()
  @MaxLength(255)
  event_type?: string;

  @IsOptional()
  @IsISO8601({ strict: true })
  since?: string;

  @IsOptional()
  @IsISO8601({ strict: true })
  until?: string;

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

class TimelineEventDto {
  /** @example "TASK_COMPLETED" */
  event_type!: string;
  task_id!: string | null;
  peer_id!: string | null;
  @ApiProperty({ format: 'date-time' })
  timestamp!: string;
  @ApiProperty({ type: 'object', additionalProperties: true })
  metadata!: Record<string, unknown>;
}

export class TimelineDto {
  @ApiProperty({ type: [TimelineEventDto] })
  events!: TimelineEventDto[];
  total_count!: number;
  limit!: number;
  offset!: number;
}

export class MonitoringStatusDto {
  @ApiProperty({ enum: ['operational', 'partial', 'unavailable'] })
  status!: string;
  @ApiProperty({ format: 'date-time' })
  timestamp!: string;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'object' } })
  subsystems!: Record<string, { available: boolean }>;
  registered_health_subsystems!: number;
  timeline_event_count!: number;
  bootstrapped!: boolean;
}

export class ThresholdsDto {
  /** Percent */
  buffer_utilization!: number;
  /** Crashes of agents within an hour */
  crash_count!: number;
  /** Percent of capability tokens that were revoked within an hour */
  revocation_rate!: number;
  /** Percent */
  ip_pool_utilization!: number;
  /** Where alerts are posted to */
  webhook_url!: string | null;
  /** What signs the deliveries; only when the address was just set */
  webhook_secret?: string;
  @ApiProperty({ format: 'date-time' })
  updated_at!: string;
}

export class ChangeThresholdsDto {
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(100)
  buffer_utilization?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(2_147_483_647)
  crash_count?: number;

  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(100)
  revocation_rate?: number;

  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(100)
  ip_pool_utilization?: number;

  /** Null ends deliveries */
  @IsOptional()
  @IsString()
  @MaxLength(2_000)
  webhook_url?: string | null;
}

class AlertEventDto {
  @ApiProperty({ enum: ['alert.raised', 'alert.cleared'] })
  type!: string;
  /** @example "crash_count" */
  name!: string;
  value!: number | null;
  threshold!: number | null;
  /** The health then */
  status!: string;
  @ApiProperty({ format: 'date-time' })
  timestamp!: string;
}

export class AlertListDto {
  @ApiProperty({ type: [AlertEventDto] })
  alerts!: AlertEventDto[];
}
