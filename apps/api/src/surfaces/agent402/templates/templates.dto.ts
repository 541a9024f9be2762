import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { TEMPLATE_CATEGORIES, type TemplateCategory } from '#libs/templates';
import { PageQuery } from '../agent402.paging.js';

export class ListTemplatesQuery extends PageQuery {
  @ApiPropertyOptional({ enum: TEMPLATE_CATEGORIES })
  @IsOptional()
  @IsIn(TEMPLATE_CATEGORIES)
  category?: TemplateCategory;
}

export class TemplateDto {
  /** @example "template-pr-review" */
  id!: string;
  name!: string;
  description!: string;
  @ApiProperty({ enum: TEMPLATE_CATEGORIES })
  category!: string;
  icons!: string[];
  default_model!: string;
  default_persona!: string;
  /** @example "15m" */
  default_heartbeat_interval!: string;
  default_checklist!: string[];
  @ApiProperty({ format: 'uuid', nullable: true, type: String, description: 'Who added it' })
  user_id!: string | null;
  @ApiProperty({ format: 'date-time' })
  created_at!: string;
  @ApiProperty({ format: 'date-time' })
  updated_at!: string;
}

export class TemplateListDto {
  @ApiProperty({ type: [TemplateDto] })
  templates!: TemplateDto[];
  total!: number;
  limit!: number;
  offset!: number;
}
