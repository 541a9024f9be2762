import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import type { Page, PageRequest } from '#libs/kernel';

/** `limit` 1 to 200 (50), `offset` from 0. */
export class PageQuery {
  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: 200, default: 50 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(200)
  limit?: number;

  @ApiPropertyOptional({ type: 'integer', minimum: 0, default: 0 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(2_147_483_647)
  offset?: number;
}

export const toPageRequest = (query: PageQuery): PageRequest => ({
  limit: query.limit ?? 50,
  offset: query.offset ?? 0,
});

/** The three numbers every list carries. */
export const pageNumbers = (page: Page<unknown>, request: PageRequest): PageRequest & { total: number } => ({
  total: page.total,
  limit: request.limit,
  offset: request.offset,
});
