import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import { IsBoolean, IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import { INSTALL_METHODS } from '#libs/skills';

export const SKILL_TYPES = ['cli', 'project'] as const;
export type SkillType = (typeof SKILL_TYPES)[number];

export class ListSkillsQuery {
  /** `cli`: tools of the registry; `project`: skills of the catalogue */
  @IsOptional()
  @IsIn(SKILL_TYPES)
  skill_type?: SkillType;
}

export class InstallSkillDto {
  /** Install it anew when it is there, with what is the newest version then */
  @ApiPropertyOptional({ default: false })
  @IsOptional()
  @IsBoolean()
  force?: boolean | null;

  /** Seconds that the installer may take */
  @ApiPropertyOptional({ type: 'integer', minimum: 30, maximum: 600, default: 300 })
  @IsOptional()
  @IsInt()
  @Min(30)
  @Max(600)
  timeout?: number | null;
}

export class UninstallSkillQuery {
  /** Also what Go has installed */
  @ApiPropertyOptional({ default: false })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value))
  @IsBoolean()
  force?: boolean;

  @ApiPropertyOptional({ type: 'integer', minimum: 30, maximum: 600, default: 300 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(30)
  @Max(600)
  timeout?: number;
}

export class SkillDto {
  name!: string;
  description!: string;
  @ApiProperty({ enum: SKILL_TYPES })
  type!: SkillType;
  /** `cli`: agents find the program; `project`: it may be installed on agents */
  eligible!: boolean;
  /** As its installer knows it */
  @ApiProperty({ type: 'string', nullable: true })
  package!: string | null;
  @ApiProperty({ enum: ['registry', 'verified', 'clawhub', 'custom'] })
  source!: string;
  @ApiProperty({ enum: INSTALL_METHODS, nullable: true })
  method!: string | null;
  @ApiProperty({ type: 'string', nullable: true })
  docs!: string | null;
  /** Of a skill of the catalogue */
  @ApiProperty({ type: 'string', nullable: true })
  version!: string | null;
  /** Programs that it brings */
  bins!: string[];
}

export class SkillListDto {
  @ApiProperty({ type: 'integer' })
  total!: number;
  @ApiProperty({ type: 'integer' })
  ready!: number;
  @ApiProperty({ type: 'integer' })
  cli_total!: number;
  @ApiProperty({ type: 'integer' })
  cli_ready!: number;
  @ApiProperty({ type: 'integer' })
  project_total!: number;
  @ApiProperty({ type: 'integer' })
  project_ready!: number;
  /** Of the catalogue the 200 that most agents have */
  @ApiProperty({ type: [SkillDto] })
  skills!: SkillDto[];
}

export class InstallableSkillDto {
  skill_name!: string;
  @ApiProperty({ enum: INSTALL_METHODS })
  method!: string;
  @ApiProperty({ type: 'string', nullable: true })
  package!: string | null;
  description!: string;
  /** A host can install it */
  installable!: boolean;
  docs!: string;
  /** What it needs besides */
  requirements!: string[];
}

export class InstallableListDto {
  @ApiProperty({ type: [InstallableSkillDto] })
  skills!: InstallableSkillDto[];
  @ApiProperty({ type: 'integer' })
  total!: number;
  @ApiProperty({ type: 'integer' })
  auto_installable!: number;
  @ApiProperty({ type: 'integer' })
  manual!: number;
}

export class InstallResultDto {
  success!: boolean;
  message!: string;
  /** What the installer printed last, at most 100 lines */
  logs!: string[];
  @ApiProperty({ enum: INSTALL_METHODS })
  method!: string;
  @ApiProperty({ type: 'string', nullable: true })
  package!: string | null;
}

export class InstallationDto {
  id!: string;
  @ApiProperty({ enum: ['install', 'uninstall'] })
  action!: string;
  @ApiProperty({ enum: ['pending', 'running', 'done', 'failed'] })
  state!: string;
  logs!: string[];
  @ApiProperty({ type: 'string', nullable: true })
  error!: string | null;
  @ApiProperty({ format: 'date-time' })
  created_at!: string;
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  finished_at!: string | null;
}

export class InstallationStatusDto {
  skill_name!: string;
  is_installed!: boolean;
  /** Where agents find the program */
  @ApiProperty({ type: 'string', nullable: true })
  binary_path!: string | null;
  @ApiProperty({ enum: INSTALL_METHODS })
  method!: string;
  @ApiProperty({ type: 'string', nullable: true })
  package!: string | null;
  /** What people have to do, where no host installs it */
  @ApiPropertyOptional()
  message?: string;
  docs!: string;
  /** The newest work on it */
  @ApiProperty({ type: InstallationDto, nullable: true })
  last_installation!: InstallationDto | null;
}
