import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import { IsBoolean, IsInt, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { IfPresent } from '../agento.validation.js';

export class DisabledSkillsQuery {
  @ApiPropertyOptional({ type: 'integer', default: 1 })
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100_000)
  page?: number;

  /** More than 100 counts as 100 */
  @ApiPropertyOptional({ type: 'integer', default: 20 })
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  pageSize?: number;
}

export class DisableSkillDto {
  /**
   * Why; it is shown with every agent that loses the skill
   * @example "Sends what it reads to its author"
   */
  @IsString()
  @Matches(/\S/, { message: '$property must not be blank' })
  @Matches(/^\P{Cc}*$/u, { message: '$property must not hold control characters' })
  @MaxLength(300)
  reason!: string;

  /** For the agents of all accounts: operators only */
  @IfPresent()
  @IsBoolean()
  everywhere?: boolean;
}

export class EnableSkillQuery {
  /** For the agents of all accounts: operators only */
  @ApiPropertyOptional({ type: 'boolean', default: false })
  @IfPresent()
  @Transform(({ value }: { value: unknown }) => ({ true: true, false: false })[String(value)] ?? value)
  @IsBoolean()
  everywhere?: boolean;
}

export class DisabledSkillDto {
  /** SHA-256 of the files */
  @ApiProperty({ example: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' })
  digest!: string;
  /** @example "Sends what it reads to its author" */
  reason!: string;
  /** For the agents of all accounts */
  everywhere!: boolean;
  /** @example "user:9b2f6c1e-0d5c-4a7e-8f1c-2d3e4f5a6b7c" */
  disabledBy!: string;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:05.000Z' })
  disabledAt!: string;
}

export class EnabledSkillDto {
  @ApiProperty({ example: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' })
  digest!: string;
  @ApiProperty({ example: true })
  enabled!: boolean;
}
