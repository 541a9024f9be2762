import { ApiProperty } from '@nestjs/swagger';
import { IsString, Matches } from 'class-validator';
import { IfPresent } from '../agento.validation.js';

export class UpdateSkillDto {
  /** The content that is expected to come; when the catalogue has another one by now, nothing happens */
  @IfPresent()
  @IsString()
  @Matches(/^[0-9a-f]{64}$/, { message: '$property must be a SHA-256 of 64 hexadecimal digits' })
  digest?: string;
}

export class SkillFileChangeDto {
  /** @example "SKILL.md" */
  path!: string;
  @ApiProperty({ enum: ['added', 'removed', 'changed'], example: 'changed' })
  change!: string;
  @ApiProperty({ type: 'integer', nullable: true, example: 812 })
  bytesBefore!: number | null;
  @ApiProperty({ type: 'integer', nullable: true, example: 1024 })
  bytesAfter!: number | null;
}

export class SkillDeclaredChangeDto {
  /** @example "permissions.network" */
  what!: string;
  @ApiProperty({ type: [String], example: ['api.example.com'] })
  added!: string[];
  @ApiProperty({ type: [String], example: [] })
  removed!: string[];
}

export class SkillUpdateDto {
  /** @example "web-search" */
  skillId!: string;
  /** @example "1.2.0" */
  installedVersion!: string;
  @ApiProperty({ example: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' })
  installedDigest!: string;
  /** @example "1.3.0" */
  latestVersion!: string;
  @ApiProperty({ example: 'a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a' })
  latestDigest!: string;
  /** The catalogue has a higher version */
  isAvailable!: boolean;
  /** Of the latest version: `quarantine` can not be installed */
  @ApiProperty({ enum: ['pass', 'review', 'quarantine'], example: 'pass' })
  verdict!: string;
  @ApiProperty({ type: 'integer', nullable: true, example: 98 })
  securityScore!: number | null;
  /** Files that differ */
  files!: SkillFileChangeDto[];
  /** What it may do or needs now and did not before, or no longer */
  declared!: SkillDeclaredChangeDto[];
}
