import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, MaxLength } from 'class-validator';
import { IfPresent } from '../agento.validation.js';

const HASH = 'f6e5d4c3b2a1908172635445362718091a2b3c4d5e6f708192a3b4c5d6e7f809';
const LONGEST_HASH = 200;

export class WritePersonalityDto {
  /**
   * New content of SOUL.md, at most 65536 bytes of UTF-8
   * @example "# SOUL.md\n\nYou are a professional customer support agent."
   */
  @IsString()
  soulMd!: string;

  /** SHA-256 of the content you have read; when SOUL.md says something else by now, the answer is 409 */
  @ApiPropertyOptional({ example: HASH })
  @IfPresent()
  @IsString()
  @MaxLength(LONGEST_HASH)
  expectedHash?: string;
}

export class RestorePersonalityDto {
  /** SHA-256 of the content to be replaced; when SOUL.md says something else by now, the answer is 409 */
  @ApiPropertyOptional({ example: HASH })
  @IfPresent()
  @IsString()
  @MaxLength(LONGEST_HASH)
  expectedHash?: string;
}

export class PersonalityDto {
  /** @example "# SOUL.md\n\nYou are a helpful assistant." */
  soulMd!: string;
  /** @example "# IDENTITY.md\n\n- **Name:** My Assistant" */
  identityMd!: string;
  @ApiProperty({ description: 'Hexadecimal SHA-256 of soulMd in UTF-8', example: HASH })
  soulMdHash!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-02-10T14:00:00.000Z' })
  soulMdUpdatedAt!: string | null;
}

export class WrittenPersonalityDto {
  /** @example "# SOUL.md\n\nYou are a professional customer support agent." */
  soulMd!: string;
  @ApiProperty({ description: 'Hexadecimal SHA-256 of soulMd in UTF-8', example: HASH })
  soulMdHash!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-02-10T15:30:00.000Z' })
  soulMdUpdatedAt!: string | null;
  /** True when the agent runs: it reads the new content after a restart */
  needsRestart!: boolean;
}

export class PersonalityVersionDto {
  @ApiProperty({ type: 'integer', example: 3 })
  version!: number;
  @ApiProperty({ example: HASH })
  soulMdHash!: string;
  /** Bytes of UTF-8 */
  @ApiProperty({ type: 'integer', example: 512 })
  size!: number;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:00.000Z' })
  updatedAt!: string;
  @ApiProperty({ type: String, nullable: true, example: 'key:a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  updatedBy!: string | null;
  /** It is what SOUL.md says now */
  isCurrent!: boolean;
}

export class PersonalityAtVersionDto {
  @ApiProperty({ type: 'integer', example: 3 })
  version!: number;
  /** @example "# SOUL.md\n\nYou are a helpful assistant." */
  soulMd!: string;
  @ApiProperty({ example: HASH })
  soulMdHash!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-02-10T14:00:00.000Z' })
  soulMdUpdatedAt!: string | null;
}
