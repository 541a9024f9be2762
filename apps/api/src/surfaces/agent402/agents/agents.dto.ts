import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsNotEmpty,
  IsOptional,
  IsString,
  MaxLength,
  ValidateNested,
} from 'class-validator';
import { EXECUTION_STATUSES, HEARTBEAT_INTERVALS, type HeartbeatInterval, MOST_CHECKS } from '#libs/heartbeats';
import { BoundedJson, CONFIGURATION_BOUNDS } from '../bounded-json.js';
import { FreeText } from '../free-text.js';
import { CONTRACT_STATUSES } from './agent-status.js';

const INTERVALS = Object.keys(HEARTBEAT_INTERVALS);

export class HeartbeatSettingsDto {
  /** Whether the clock wakes the agent */
  @IsOptional()
  @IsBoolean()
  enabled?: boolean;

  @ApiPropertyOptional({ enum: INTERVALS, default: '30m' })
  @IsOptional()
  @IsIn(INTERVALS)
  interval?: HeartbeatInterval;

  /** What it goes through; without one it reads HEARTBEAT.md of its workspace */
  @IsOptional()
  @FreeText()
  @IsArray()
  @ArrayMaxSize(MOST_CHECKS)
  @IsString({ each: true })
  @IsNotEmpty({ each: true })
  @MaxLength(500, { each: true })
  checklist?: string[];
}

/** What an agent is made from and may be changed later. */
export class AgentFieldsDto {
  /** Who the agent is, in its owner's words; null removes it */
  @IsOptional()
  @FreeText()
  @IsString()
  @MaxLength(5_000)
  persona?: string | null;

  /**
   * A model of Anthropic, OpenAI or Google, or `demo`
   * @example "claude-sonnet-4-5"
   */
  @IsOptional()
  @FreeText()
  @IsString()
  @IsNotEmpty()
  @MaxLength(255)
  model?: string;

  @IsOptional()
  @Type(() => HeartbeatSettingsDto)
  @ValidateNested()
  heartbeat?: HeartbeatSettingsDto;

  /** Takes the place of the old one. `llmProvider`, `temperature`, `maxTokens`, `mcpServers` and `egress` have a meaning; other fields are kept */
  @IsOptional()
  @BoundedJson(CONFIGURATION_BOUNDS)
  configuration?: Record<string, unknown>;
}

export class UpdateAgentDto extends AgentFieldsDto {
  @IsOptional()
  @FreeText()
  @IsString()
  @IsNotEmpty()
  @MaxLength(255)
  name?: string;
}

export class MessageAgentDto {
  @FreeText()
  @IsString()
  @IsNotEmpty()
  @MaxLength(32_000)
  message!: string;
}

export class AgentDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;
  name!: string;
  persona!: string | null;
  model!: string | null;
  @ApiProperty({ format: 'uuid', nullable: true, type: String, description: 'Who made it' })
  user_id!: string | null;
  @ApiProperty({ format: 'uuid' })
  workspace_id!: string;
  @ApiProperty({ enum: CONTRACT_STATUSES })
  status!: string;
  /** @example "agent:ada:main" */
  openclaw_session_key!: string | null;
  /** Null before it was provisioned */
  openclaw_agent_id!: string | null;
  heartbeat_enabled!: boolean;
  @ApiProperty({ enum: INTERVALS })
  heartbeat_interval!: string;
  heartbeat_checklist!: string[];
  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  last_heartbeat_at!: string | null;
  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  next_heartbeat_at!: string | null;
  configuration!: Record<string, unknown>;
  error_message!: string | null;
  /** Failed attempts and crashes since it was made */
  error_count!: number;
  @ApiProperty({ format: 'date-time' })
  created_at!: string;
  @ApiProperty({ format: 'date-time' })
  updated_at!: string;
  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  provisioned_at!: string | null;
  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  paused_at!: string | null;
  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  stopped_at!: string | null;
}

/** An agent and what was done with it. */
export class AgentActionDto extends AgentDto {
  /** For people */
  message!: string;
}

export class AgentReplyDto {
  response!: string;
  @ApiProperty({ format: 'uuid' })
  agent_id!: string;
  /** Of the answer, as `GET /conversations/{id}/messages` lists it */
  message_id!: string;
}

class AgentHeartbeatDto {
  enabled!: boolean;
  @ApiProperty({ enum: INTERVALS })
  interval!: string;
  checklist!: string[];
}

export class AgentSettingsDto {
  @ApiProperty({ format: 'uuid' })
  agent_id!: string;
  name!: string;
  persona!: string | null;
  model!: string | null;
  heartbeat!: AgentHeartbeatDto;
  configuration!: Record<string, unknown>;
  @ApiProperty({ format: 'date-time' })
  updated_at!: string;
}

export class HeartbeatExecutionDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;
  @ApiProperty({ format: 'uuid' })
  agent_id!: string;
  @ApiProperty({ enum: EXECUTION_STATUSES })
  status!: string;
  checklist_items!: string[];
  /** When it was due; of one that somebody asked for, when they did */
  @ApiProperty({ format: 'date-time' })
  due_at!: string;
  /** Somebody asked for it */
  is_manual!: boolean;
  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  started_at!: string | null;
  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  completed_at!: string | null;
  duration_seconds!: number | null;
  /** What the agent answered, its beginning */
  response!: string | null;
  /** Begins with `interrupted` when the program that ran it ended */
  error_message!: string | null;
}

export class HeartbeatExecutionListDto {
  @ApiProperty({ type: [HeartbeatExecutionDto] })
  executions!: HeartbeatExecutionDto[];
  total!: number;
  limit!: number;
  offset!: number;
}
