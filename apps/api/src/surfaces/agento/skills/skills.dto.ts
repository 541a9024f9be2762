import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsBase64, IsInt, IsObject, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { IfPresent } from '../agento.validation.js';

const VERDICTS = ['pass', 'review', 'quarantine'];

export class SearchSkillsQuery {
  /** Words that name, description or tags have */
  @IfPresent()
  @IsString()
  @MaxLength(200)
  search?: string;

  /** Only skills of this category */
  @IfPresent()
  @IsString()
  @MaxLength(40)
  @Matches(/^[^\p{Cc}]*$/u, { message: '$property must not hold control characters' })
  category?: string;

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

export class UploadSkillDto {
  /** Texts by path, `SKILL.md` among them; or give `archive`, `url` or `npm` */
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { 'SKILL.md': '---\nname: our-tone\ndescription: How we write to customers.\n---\n\nWrite briefly.' },
  })
  @IfPresent()
  @IsObject()
  files?: Record<string, unknown>;

  /** A `.tar` or `.tar.gz` of the skill's folder, in base64 */
  @IfPresent()
  @IsString()
  @IsBase64()
  archive?: string;

  /**
   * Address of a `.tar`, `.tar.gz` or `.zip` of the skill's folder, at most 2 MiB
   * @example "https://example.com/our-tone.tar.gz"
   */
  @IfPresent()
  @IsString()
  @MaxLength(2_000)
  url?: string;

  /**
   * Package with `SKILL.md` at its root, with `@` and a version or tag or without
   * @example "our-tone-skill@1.2.0"
   */
  @IfPresent()
  @IsString()
  @MaxLength(300)
  npm?: string;

  /** With `url` or `npm`: what comes has to have this digest */
  @IfPresent()
  @IsString()
  @Matches(/^[0-9a-f]{64}$/, { message: '$property must be a SHA-256 of 64 hexadecimal digits' })
  digest?: string;
}

export class SkillSummaryDto {
  /** @example "web-search" */
  id!: string;
  /** @example "Web Search" */
  name!: string;
  /** @example "Search the web for real-time information." */
  description!: string;
  /** @example "rookery" */
  author!: string;
  /** @example "productivity" */
  category!: string;
  /** Agents that have it now */
  @ApiProperty({ type: 'integer', example: 1250 })
  installCount!: number;
  /** @example "1.2.0" */
  latestVersion!: string;
  /** 0 to 100, by a static scan; null as long as it has not been scanned */
  @ApiProperty({ type: 'integer', nullable: true, example: 98 })
  securityScore!: number | null;
}

export class SkillPermissionsDto {
  @ApiProperty({ type: [String], example: ['api.example.com'] })
  network!: string[];
  @ApiProperty({ type: [String], example: ['memory/'] })
  read!: string[];
  @ApiProperty({ type: [String], example: ['reports/'] })
  write!: string[];
  @ApiProperty({ type: [String], example: [] })
  env!: string[];
}

export class SkillPackagesDto {
  @ApiProperty({ type: [String], example: ['cowsay@1.6.0'] })
  npm!: string[];
  @ApiProperty({ type: [String], example: ['httpie==3.2.4'] })
  pip!: string[];
  @ApiProperty({ type: [String], example: [] })
  go!: string[];
  @ApiProperty({ type: [String], example: ['jq'] })
  apt!: string[];
}

export class SkillRequirementsDto {
  /** Programs its scripts start */
  @ApiProperty({ type: [String], example: ['jq'] })
  bins!: string[];
  /** Environment variables its scripts read; they come from the agent's secrets */
  @ApiProperty({ type: [String], example: ['API_KEY'] })
  env!: string[];
  /** Installed for the agent in the docker runtime, to be installed by hand in the process runtime */
  packages!: SkillPackagesDto;
  /** What only people can do */
  @ApiProperty({ type: [String], example: [] })
  manual!: string[];
}

export class SkillDetailsDto extends SkillSummaryDto {
  /** What it says of itself at length */
  enhancedDescription!: string;
  @ApiProperty({ type: [String], example: ['search', 'web', 'research'] })
  tags!: string[];
  @ApiProperty({ type: [String], example: ['Research questions', 'Fact-checking'] })
  useCases!: string[];
  /** Programs it brings */
  @ApiProperty({ type: 'integer', example: 3 })
  toolCount!: number;
  /** `verified` for curated skills, `clawhub` for those from elsewhere, `custom` for what you uploaded: what installing it takes */
  @ApiProperty({ enum: ['verified', 'clawhub', 'custom'], example: 'verified' })
  trustLevel!: string;
  /** SHA-256 of its files; an agent keeps the content it was installed with */
  @ApiProperty({ example: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' })
  digest!: string;
  /** What the scan says: `quarantine` can not be installed, `review` asks for a person's eyes */
  @ApiProperty({ enum: VERDICTS, example: 'pass' })
  verdict!: string;
  /** What it declares to need */
  permissions!: SkillPermissionsDto;
  /** What it requires on the host of its agent */
  requirements!: SkillRequirementsDto;
}

export class SkillFindingDto {
  /** @example "undeclared-host" */
  rule!: string;
  @ApiProperty({ enum: ['critical', 'high', 'medium', 'low'], example: 'medium' })
  severity!: string;
  /** @example "scripts/run.sh" */
  path!: string;
  /** 0 when it is about the file as a whole */
  @ApiProperty({ type: 'integer', example: 1 })
  line!: number;
  /** What stands there, secrets and invisible characters replaced; text of a stranger */
  excerpt!: string;
  message!: string;
}

export class SkillScanDto {
  /** @example "web-search" */
  id!: string;
  /** @example "1.2.0" */
  version!: string;
  /** Of the content that was looked through */
  @ApiProperty({ example: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' })
  digest!: string;
  @ApiProperty({ type: 'integer', nullable: true, example: 90 })
  securityScore!: number | null;
  @ApiProperty({ enum: VERDICTS, example: 'pass' })
  verdict!: string;
  /** Why the score is what it is, the heaviest first */
  @ApiProperty({ type: [String] })
  reasons!: string[];
  /** Worst first, at most 200 */
  findings!: SkillFindingDto[];
}

export class DeletedSkillDto {
  /** @example "our-tone" */
  id!: string;
  @ApiProperty({ example: true })
  deleted!: boolean;
}

export class InstallSkillDto {
  /**
   * Skill identifier
   * @example "web-search"
   */
  @IsString()
  @Matches(/\S/, { message: '$property must not be blank' })
  @MaxLength(100)
  skillId!: string;

  /** `verified` for curated skills, `clawhub` for community skills, `custom` for those of your account */
  @ApiProperty({ enum: ['verified', 'clawhub', 'custom'], example: 'verified' })
  @IsString()
  @MaxLength(40)
  trustLevel!: string;
}

class SkillOnAgentDto {
  /** @example "as_abc123" */
  id!: string;
  /** @example "web-search" */
  skillId!: string;
  /** @example "Web Search" */
  name!: string;
  /** @example "1.2.0" */
  installedVersion!: string;
  @ApiProperty({ enum: ['verified', 'clawhub', 'custom'], example: 'verified' })
  trustLevel!: string;
  isEnabled!: boolean;
}

export class AgentSkillDto extends SkillOnAgentDto {
  @ApiProperty({ format: 'date-time', example: '2026-02-08T12:00:00.000Z' })
  installedAt!: string;
}

export class InstalledSkillDto extends SkillOnAgentDto {
  /** True when the agent runs. It uses the skill with its next turn; what the skill requires is there after a restart */
  needsRestart!: boolean;
}

export class SkillInstallErrorDto {
  /** @example "skill_quarantined" */
  code!: string;
  /** @example "The skill is too dangerous to be kept" */
  message!: string;
}

export class SkillInstallDto {
  @ApiProperty({ enum: ['pending', 'running', 'done', 'failed'], example: 'running' })
  state!: string;
  @ApiProperty({
    enum: ['queued', 'fetching', 'verifying', 'scanning', 'building', 'placing', 'finished'],
    example: 'fetching',
  })
  step!: string;
  /** Percent */
  @ApiProperty({ type: 'integer', minimum: 0, maximum: 100, example: 35 })
  progress!: number;
  @ApiProperty({ type: 'integer', example: 1 })
  attempts!: number;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  nextAttemptAt!: string | null;
  /** Of the last attempt */
  @ApiProperty({ type: () => SkillInstallErrorDto, nullable: true })
  error!: SkillInstallErrorDto | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-02-08T12:00:00.000Z' })
  finishedAt!: string | null;
}

export class AgentSkillDetailsDto extends AgentSkillDto {
  /** SHA-256 of its files */
  @ApiProperty({ example: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' })
  digest!: string;
  /** What people have to do before all of it works, a sentence each */
  @ApiProperty({ type: [String], example: [] })
  manual!: string[];
  /** What the scan says of it now */
  @ApiProperty({ enum: VERDICTS, example: 'pass' })
  verdict!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  disabledAt!: string | null;
  /** The newest installation or update; null when it ended long ago */
  @ApiProperty({ type: () => SkillInstallDto, nullable: true })
  install!: SkillInstallDto | null;
}

export class UninstalledSkillDto {
  /** @example "web-search" */
  skillId!: string;
  @ApiProperty({ example: true })
  uninstalled!: boolean;
  /** True when the agent runs */
  needsRestart!: boolean;
}
