import { ApiPropertyOptional } from '@nestjs/swagger';
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
import { type AgentoRegion, REGIONS, STATUSES, RUNTIMES } from './agent-words.js';

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

  /**
   * `llmProvider` (openai, anthropic, google or demo), `model`, `temperature`, `maxTokens`, `sharedMode` (OpenClaw: no
   * tools for anybody); other fields are kept.
   * `mcpServers`: tools by name of their MCP server, each `{url, headers?}`, whose values may be `${secret:mcp_…}`, or,
   * in the docker runtime, `{command, args?, env?}`.
   */
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    example: { llmProvider: 'openai', model: 'gpt-4.1-mini' },
  })
  @IfPresent()
  @IsObject()
  config?: Record<string, unknown>;

  /** The program that is the agent, ours: the small house runtime, or OpenClaw. Default: what the operator chose. */
  @ApiPropertyOptional({ enum: RUNTIMES })
  @IfPresent()
  @IsIn(RUNTIMES)
  runtime?: (typeof RUNTIMES)[number];

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
