import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsNotEmpty, IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { CONTRACT_STATUSES, type ContractStatus } from '../agent402/agents/agent-status.js';
import { AgentDto, AgentFieldsDto, HeartbeatExecutionDto } from '../agent402/agents/agents.dto.js';
import { PageQuery } from '../agent402/agent402.paging.js';
import { FreeText } from '../agent402/free-text.js';

export const PRESENCES = ['provisioning', 'updating', 'online', 'offline', 'deleting'] as const;
export type Presence = (typeof PRESENCES)[number];

export class ListSharedAgentsQuery extends PageQuery {
  @ApiPropertyOptional({ enum: CONTRACT_STATUSES })
  @IsOptional()
  @IsIn(CONTRACT_STATUSES)
  status?: ContractStatus;

  /** Only agents of this board */
  @IsOptional()
  @IsUUID()
  board_id?: string;

  /** Only agents of this gateway */
  @IsOptional()
  @IsUUID()
  gateway_id?: string;
}

export class CreateSharedAgentDto extends AgentFieldsDto {
  /** @example "Ada" */
  @FreeText()
  @IsString()
  @IsNotEmpty()
  @MaxLength(255)
  name!: string;

  /** The caller's own, or left out */
  @IsOptional()
  @IsUUID()
  workspace_id?: string;

  /**
   * What it begins as: model, persona and heartbeat that the body does not say are the template's
   * @example "template-pr-review"
   */
  @IsOptional()
  @IsString()
  @MaxLength(255)
  template_id?: string;

  /** The board of an agent that is to have no `model` of its own */
  @IsOptional()
  @IsUUID()
  board_id?: string;
}

class HeartbeatConfigDto {
  /** @example "30m" */
  every!: string;
  target!: string;
  includeReasoning!: boolean;
}

/** An agent with the fields of both contracts. */
export class SharedAgentDto extends AgentDto {
  /** What of the two it is; `status` has the words of its kind */
  @ApiProperty({ enum: ['runtime'] })
  kind!: string;
  @ApiProperty({ enum: CONTRACT_STATUSES })
  lifecycle_status!: string;
  @ApiProperty({ enum: PRESENCES })
  presence_status!: string;
  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  board_id!: string | null;
  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  gateway_id!: string | null;
  heartbeat_config!: HeartbeatConfigDto;
  identity_profile!: Record<string, string>;
  identity_template!: string | null;
  soul_template!: string | null;
  is_board_lead!: boolean;
  is_gateway_main!: boolean;
  openclaw_session_id!: string | null;
  /** When its instance was started, or it was woken, whichever is later */
  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  last_seen_at!: string | null;
}

export class SharedAgentListDto {
  @ApiProperty({ type: [SharedAgentDto] })
  agents!: SharedAgentDto[];
  /** The same again, as the other contract calls it */
  @ApiProperty({ type: [SharedAgentDto] })
  items!: SharedAgentDto[];
  total!: number;
  limit!: number;
  offset!: number;
}

/** The agent, and what came of waking it: `status`, `error_message` and the times of the execution. */
export class SharedHeartbeatDto extends SharedAgentDto {
  @ApiProperty({ format: 'uuid' })
  agent_id!: string;
  /** For people */
  message!: string;
  execution!: HeartbeatExecutionDto;
  checklist_items!: string[];
  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  started_at!: string | null;
  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  completed_at!: string | null;
  duration_seconds!: number | null;
}
