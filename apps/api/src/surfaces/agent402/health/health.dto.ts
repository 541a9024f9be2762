import { ApiProperty } from '@nestjs/swagger';

export class RateLimitsDto {
  /** @example "120/minute" */
  global!: string;
  /** Of one address at the doors for signing in */
  auth!: string;
  post!: string;
  get!: string;
}

export class RateLimitStatusDto {
  enabled!: boolean;
  /** Where the counts are kept, for all replicas */
  @ApiProperty({ example: 'postgres' })
  backend!: string;
  @ApiProperty({ example: 'moving-window' })
  strategy!: string;
  limits!: RateLimitsDto;
  /** What is counted by what */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  profiles!: Record<string, string>;
}

export class PoolDto {
  @ApiProperty({ type: 'integer', description: 'Most connections there may be' })
  size!: number;
  @ApiProperty({ type: 'integer' })
  checked_in!: number;
  @ApiProperty({ type: 'integer' })
  checked_out!: number;
  @ApiProperty({ type: 'integer', description: 'Queries that wait for a connection' })
  overflow!: number;
  @ApiProperty({ type: 'integer', description: 'No connections are opened beyond `size`' })
  max_overflow!: number;
  utilization_percent!: number;
}

export class PoolStatsDto {
  @ApiProperty({ format: 'date-time' })
  timestamp!: string;
  async_pool!: PoolDto;
  /** The same: a process has one pool */
  sync_pool!: PoolDto;
}

export class DatabaseHealthDto extends PoolStatsDto {
  @ApiProperty({ enum: ['healthy', 'degraded', 'unhealthy'] })
  status!: string;
  async_connection_test!: boolean;
  sync_connection_test!: boolean;
  /** For platform admins; null for others */
  @ApiProperty({ nullable: true, type: String })
  database_name!: string | null;
  /** For platform admins; null for others */
  @ApiProperty({ nullable: true, type: String })
  database_host!: string | null;
  warnings!: string[];
}
