import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUrl,
  IsUUID,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { IfPresent } from '../agento.validation.js';

const REGIONS = ['us', 'eu'] as const;
export type AgentoRegion = (typeof REGIONS)[number];

const STATUSES = [
  'provisioning',
  'running',
  'stopping',
  'stopped',
  'restarting',
  'error',
  'deleting',
  'deleted',
] as const;

const LONGEST_DOCUMENT = 256 * 1024;
const LONGEST_SECRET = 4_096;

/** Credentials of the model's provider and of channels. Kept encrypted and never shown again. */
export class AgentSecretsDto {
  /**
   * Anthropic API key
   * @example "sk-ant-api03-AbCdEf"
   */
  @IfPresent()
  @IsString()
  @MaxLength(LONGEST_SECRET)
  @Matches(/^sk-ant-\S+$/, { message: '$property must start with sk-ant-' })
  anthropicApiKey?: string;

  /**
   * OpenAI API key
   * @example "sk-proj-AbCdEf"
   */
  @IfPresent()
  @IsString()
  @MaxLength(LONGEST_SECRET)
  @Matches(/^\S+$/, { message: '$property must be a key without spaces' })
  openaiApiKey?: string;

  /**
   * Google Gemini API key
   * @example "AIzaSyAbCdEf"
   */
  @IfPresent()
  @IsString()
  @MaxLength(LONGEST_SECRET)
  @Matches(/^\S+$/, { message: '$property must be a key without spaces' })
  googleApiKey?: string;

  /** Telegram BotFather token */
  @IfPresent()
  @IsString()
  @MaxLength(LONGEST_SECRET)
  @Matches(/^\S+$/, { message: '$property must be a token without spaces' })
  telegramBotToken?: string;

  /**
   * Slack bot token
   * @example "xoxb-0000-AbCdEf"
   */
  @IfPresent()
  @IsString()
  @MaxLength(LONGEST_SECRET)
  @Matches(/^xoxb-\S+$/, { message: '$property must start with xoxb-' })
  slackBotToken?: string;

  /**
   * Slack app-level token
   * @example "xapp-1-AbCdEf"
   */
  @IfPresent()
  @IsString()
  @MaxLength(LONGEST_SECRET)
  @Matches(/^xapp-\S+$/, { message: '$property must start with xapp-' })
  slackAppToken?: string;
}

export class CreateAgentDto {
  /**
   * Display name
   * @example "My Assistant"
   */
  @IsString()
  @Length(1, 100)
  @Matches(/\S/, { message: '$property must not be blank' })
  name!: string;

  /** Where the agent runs */
  @ApiPropertyOptional({ enum: REGIONS, default: 'eu' })
  @IfPresent()
  @IsIn(REGIONS)
  region?: AgentoRegion;

  /**
   * At least one of anthropicApiKey, openaiApiKey and googleApiKey is required, unless `config.llmProvider` is `demo` or
   * the swarm that the agent joins has one.
   */
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => AgentSecretsDto)
  secrets?: AgentSecretsDto;

  /** `llmProvider` (openai, anthropic, google or demo), `model`, `temperature`, `maxTokens`; other fields are kept. */
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    example: { llmProvider: 'openai', model: 'gpt-4.1-mini' },
  })
  @IfPresent()
  @IsObject()
  config?: Record<string, unknown>;

  /** First content of SOUL.md: who the agent is */
  @IfPresent()
  @IsString()
  @MaxLength(LONGEST_DOCUMENT)
  soulMd?: string;

  /** First content of WORKFLOW.md: what the agent does */
  @IfPresent()
  @IsString()
  @MaxLength(LONGEST_DOCUMENT)
  workflowMd?: string;

  /** The swarm the agent joins */
  @ApiPropertyOptional({ format: 'uuid' })
  @IfPresent()
  @IsUUID()
  swarmId?: string;
}

export class UpdateAgentDto {
  /**
   * New display name
   * @example "Updated Assistant"
   */
  @IfPresent()
  @IsString()
  @Length(1, 100)
  @Matches(/\S/, { message: '$property must not be blank' })
  name?: string;

  /** Address of the new avatar, or null to remove it */
  @ApiPropertyOptional({ type: String, format: 'uri', nullable: true, maxLength: 2048 })
  @IsOptional()
  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false })
  @MaxLength(2048)
  avatarUrl?: string | null;

  /** Merged into the present configuration; a field set to null is removed */
  @ApiPropertyOptional({ type: 'object', additionalProperties: true, example: { model: 'gpt-4.1' } })
  @IfPresent()
  @IsObject()
  config?: Record<string, unknown>;

  /** The swarm to join, or null to leave it */
  @ApiPropertyOptional({ type: String, format: 'uuid', nullable: true })
  @IsOptional()
  @IsUUID()
  swarmId?: string | null;
}

export class ListAgentsQuery {
  /** Only agents in this state */
  @ApiPropertyOptional({ enum: STATUSES })
  @IfPresent()
  @IsIn(STATUSES)
  status?: (typeof STATUSES)[number];

  /** Only agents of this swarm */
  @ApiPropertyOptional({ format: 'uuid' })
  @IfPresent()
  @IsUUID()
  swarmId?: string;

  /** Left out: every agent */
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_000)
  limit?: number;

  /** Rows to pass over */
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  offset?: number;
}

export class AgentSwarmDto {
  @ApiProperty({ format: 'uuid', example: 'b1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  /** @example "Growth" */
  name!: string;
  /** @example "growth" */
  slug!: string;
}

export class AgentSummaryDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  /** @example "My Assistant" */
  name!: string;
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  /** @example "eu" */
  region!: string;
  /** @example "rookery/agent:local" */
  image!: string;
  @ApiProperty({ type: AgentSwarmDto, nullable: true })
  swarm!: AgentSwarmDto | null;
  @ApiProperty({ format: 'date-time', example: '2026-01-15T10:30:00.000Z' })
  createdAt!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-01-15T10:31:00.000Z' })
  startedAt!: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  stoppedAt!: string | null;
}

export class AgentDetailsDto extends AgentSummaryDto {
  @ApiProperty({ type: String, format: 'uri', nullable: true, example: null })
  avatarUrl!: string | null;
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    example: { llmProvider: 'anthropic', authType: 'api_key' },
  })
  config!: Record<string, unknown>;
  @ApiProperty({ type: String, nullable: true, example: '# Workflow\n\n## Role\n\nAnswer customers.' })
  workflowMd!: string | null;
  /** What went wrong last; null while all is well */
  @ApiProperty({ type: String, nullable: true, example: null })
  lastError!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  errorCategory!: string | null;
  /** True when a change waits for a restart of the running agent */
  needsRestart!: boolean;
}

export class CreatedAgentDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  /** @example "My Assistant" */
  name!: string;
  /** `running`, or `provisioning` when the agent takes longer than the answer may wait */
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  /** @example "eu" */
  region!: string;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:00.000Z' })
  createdAt!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-02-10T14:00:05.000Z' })
  startedAt!: string | null;
}

export class UpdatedAgentDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  /** @example "Updated Assistant" */
  name!: string;
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  needsRestart!: boolean;
}

export class StartedAgentDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-02-10T14:00:05.000Z' })
  startedAt!: string | null;
}

export class StoppedAgentDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  @ApiProperty({ enum: STATUSES, example: 'stopped' })
  status!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-02-10T15:00:00.000Z' })
  stoppedAt!: string | null;
}

export class DeletedAgentDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  @ApiProperty({ example: true })
  deleted!: boolean;
}

export class AgentResourcesDto {
  /** @example "128MiB / 512MiB" */
  memoryUsage!: string;
  /** @example "2.35%" */
  cpuPercent!: string;
}

export class AgentStatusDto {
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  /** What the agent's host last saw: running, exited, created or missing */
  @ApiProperty({ type: String, nullable: true, example: 'running' })
  containerStatus!: string | null;
  /** Whether the agent answers */
  live!: boolean;
  @ApiProperty({ type: AgentResourcesDto, nullable: true })
  resources!: AgentResourcesDto | null;
  /** `redis`: a fresh report of the agent's host; `ssh`: the agent was asked directly */
  @ApiProperty({ enum: ['redis', 'ssh'], example: 'redis' })
  source!: string;
}

export class AgentDesiredDto {
  @ApiProperty({ enum: ['running', 'stopped', 'deleted'], example: 'running' })
  state!: string;
  /** Grows with every change of settings */
  @ApiProperty({ type: 'integer', example: 1 })
  generation!: number;
  /** Grows with every restart that was asked for */
  @ApiProperty({ type: 'integer', example: 1 })
  restartGeneration!: number;
}

export class AgentObservedDto {
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  @ApiProperty({ type: 'integer', example: 1 })
  generation!: number;
  @ApiProperty({ type: 'integer', example: 1 })
  restartGeneration!: number;
}

export class AgentHostDto {
  /** @example "host-1" */
  id!: string;
  /** @example "eu" */
  region!: string;
  alive!: boolean;
  draining!: boolean;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:05.000Z' })
  heartbeatAt!: string;
}

export class AgentTransitionDto {
  @ApiProperty({ type: 'integer', example: 3 })
  seq!: number;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:05.000Z' })
  at!: string;
  @ApiProperty({ enum: STATUSES, nullable: true, example: 'provisioning' })
  from!: string | null;
  @ApiProperty({ enum: STATUSES, example: 'running' })
  to!: string;
  /** Who or what caused it */
  cause!: string;
  @ApiProperty({ type: 'integer', nullable: true, example: 1 })
  attempt!: number | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  nextRetryAt!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  errorCategory!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  error!: string | null;
}

export class AgentWhyDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  /** What users asked for */
  desired!: AgentDesiredDto;
  /** What is */
  observed!: AgentObservedDto;
  needsRestart!: boolean;
  /** Where it runs; null before it was placed */
  @ApiProperty({ type: AgentHostDto, nullable: true })
  host!: AgentHostDto | null;
  /** Attempts since it was last well */
  @ApiProperty({ type: 'integer', example: 0 })
  attempt!: number;
  /** When it is tried again; null when nothing is planned */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  nextRetryAt!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  lastError!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  errorCategory!: string | null;
  /** What to do about it */
  @ApiProperty({ type: String, nullable: true, example: null })
  advice!: string | null;
  /** The last 20 changes of status, newest first */
  transitions!: AgentTransitionDto[];
}
