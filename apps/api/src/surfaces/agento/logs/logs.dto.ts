import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, Min } from 'class-validator';
import { IfPresent } from '../agento.validation.js';

export class LogsQuery {
  /** Newest lines to return; at most 1000, more is answered with 1000. Left out: 100, and 200 for the stream. */
  @ApiPropertyOptional({ minimum: 0, maximum: 1000, example: 100 })
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  tail?: number;
}

export class AgentLogsDto {
  @ApiProperty({ example: '2026-02-10T14:00:05.000Z [info] Agent started\n' })
  logs!: string;
}
