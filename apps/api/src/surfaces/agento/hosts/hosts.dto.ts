import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, Max, Min } from 'class-validator';
import { IfPresent } from '../agento.validation.js';

export class ListHostsQuery {
  /** At most 100 */
  @ApiPropertyOptional({ type: 'integer', default: 50 })
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  limit?: number;

  /** Rows to pass over */
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  offset?: number;
}

export class HostDto {
  /** @example "host-1" */
  id!: string;
  /** Empty: every region @example "eu" */
  region!: string;
  /** @example "docker" */
  runtime!: string;
  /** silent: no beat for 30 s; dead: silent while others beat, so its agents move */
  @ApiProperty({ enum: ['alive', 'draining', 'silent', 'dead'], example: 'alive' })
  state!: string;
  draining!: boolean;
  /** How many agents it takes */
  @ApiProperty({ type: 'integer', example: 50 })
  capacity!: number;
  @ApiProperty({ type: 'integer', example: 12 })
  agents!: number;
  /** Of its agents, on their way to another host */
  @ApiProperty({ type: 'integer', example: 0 })
  leaving!: number;
  /** Starts of its worker */
  @ApiProperty({ type: 'integer', example: 3 })
  incarnation!: number;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:05.000Z' })
  heartbeatAt!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  deadSince!: string | null;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:05.000Z' })
  createdAt!: string;
}
