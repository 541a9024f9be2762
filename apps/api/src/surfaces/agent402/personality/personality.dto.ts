import { ApiExtraModels, ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsNotEmpty, IsOptional, IsString, MaxLength } from 'class-validator';
import { FreeText } from '../free-text.js';
import { FILE_TYPES } from './file-types.js';

export class InitializePersonalityDto {
  /**
   * What the agent is called in its files
   * @example "Ada"
   */
  @FreeText()
  @IsString()
  @IsNotEmpty()
  @MaxLength(255)
  agent_name!: string;

  /** Default: the agent's own, or a Claude model */
  @IsOptional()
  @FreeText()
  @IsString()
  @IsNotEmpty()
  @MaxLength(255)
  model?: string | null;

  /** Default: the agent's own */
  @IsOptional()
  @FreeText()
  @IsString()
  @MaxLength(5_000)
  persona?: string | null;

  /** Files that somebody wrote are overwritten too; what they said is kept as a version */
  @ApiPropertyOptional({ default: false })
  @IsOptional()
  @IsBoolean()
  force?: boolean | null;
}

export class PutPersonalityFileDto {
  /** Markdown, at most 65536 bytes of UTF-8 */
  @IsString()
  @IsNotEmpty()
  content!: string;
}

export class TaskContextQuery {
  @IsOptional()
  @FreeText()
  @IsString()
  @MaxLength(10_000)
  task_description?: string | null;
}

export class TaskContextDto extends TaskContextQuery {}

export class PersonalityFileDto {
  /** @example "SOUL.md" */
  name!: string;
  @ApiProperty({ enum: FILE_TYPES })
  file_type!: string;
  content!: string;
  /** Seconds since 1970, with a fraction */
  last_modified!: number;
}

@ApiExtraModels(PersonalityFileDto)
export class PersonalityDto {
  @ApiProperty({ format: 'uuid' })
  agent_id!: string;
  /** By type; null where there is no such file */
  @ApiProperty({
    type: 'object',
    additionalProperties: { allOf: [{ $ref: '#/components/schemas/PersonalityFileDto' }], nullable: true },
  })
  files!: Record<string, PersonalityFileDto | null>;
  @ApiProperty({ enum: FILE_TYPES, isArray: true })
  missing_files!: string[];
}

export class PersonalityContextDto {
  @ApiProperty({ enum: ['system', 'task', 'minimal'] })
  context_type!: string;
  context!: string;
}
