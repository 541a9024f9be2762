import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsNotEmpty,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
} from 'class-validator';
import { STRATEGIES, type Strategy, TEAM_STATUSES, type TeamStatus } from '#libs/orchestration';
import { PageQuery } from '../agent402.paging.js';
import { BoundedJson, CONFIGURATION_BOUNDS } from '../bounded-json.js';
import { FreeText } from '../free-text.js';

const AGENT_ID = /^[A-Za-z0-9_-]{1,64}$/;

export class ListSwarmsQuery extends PageQuery {
  @IsOptional()
  @IsIn(TEAM_STATUSES)
  status?: TeamStatus;
}

export class CreateSwarmDto {
  @FreeText()
  @IsString()
  @IsNotEmpty()
  @MaxLength(255)
  name!: string;

  /** How it goes about its goal; `custom` works as `parallel`. */
  @IsIn(STRATEGIES)
  strategy!: Strategy;

  @IsOptional()
  @FreeText()
  @IsString()
  @MaxLength(2000)
  description?: string;

  /** What a run is to reach. A swarm that is started without one waits for it. */
  @IsOptional()
  @FreeText()
  @IsString()
  @MaxLength(1000)
  goal?: string;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @Matches(AGENT_ID, { each: true })
  agent_ids?: string[];

  /** `max_rounds`, `max_steps`, `max_tokens` and `lead_agent_id` have a meaning; other fields are kept. */
  @IsOptional()
  @BoundedJson(CONFIGURATION_BOUNDS)
  configuration?: Record<string, unknown>;
}

export class UpdateSwarmDto {
  @IsOptional()
  @FreeText()
  @IsString()
  @IsNotEmpty()
  @MaxLength(255)
  name?: string;

  @IsOptional()
  @IsIn(STRATEGIES)
  strategy?: Strategy;

  @IsOptional()
  @FreeText()
  @IsString()
  @MaxLength(2000)
  description?: string;

  @IsOptional()
  @FreeText()
  @IsString()
  @MaxLength(1000)
  goal?: string;

  @IsOptional()
  @BoundedJson(CONFIGURATION_BOUNDS)
  configuration?: Record<string, unknown>;
}

export class SwarmAgentsDto {
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @Matches(AGENT_ID, { each: true })
  agent_ids!: string[];
}

const listed = ({ value }: { value: unknown }): unknown => (typeof value === 'string' ? [value] : value);

/** Some proxies drop the body of a DELETE: the ids may stand in the query as well. */
export class SwarmAgentsQuery {
  @IsOptional()
  @Transform(listed)
  @IsArray()
  @ArrayMaxSize(100)
  @Matches(AGENT_ID, { each: true })
  agent_ids?: string[];
}

export class RemoveSwarmAgentsDto {
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @Matches(AGENT_ID, { each: true })
  agent_ids?: string[];
}

export class SwarmDto {
  id!: string;
  name!: string;
  description!: string | null;
  strategy!: string;
  goal!: string | null;
  /** `idle`, `running`, `paused`, `stopped` or `failed`. */
  status!: string;
  agent_ids!: string[];
  agent_count!: number;
  user_id!: string | null;
  configuration!: Record<string, unknown>;
  error_message!: string | null;
  /** ISO 8601, UTC. */
  created_at!: string;
  updated_at!: string;
  started_at!: string | null;
  paused_at!: string | null;
  stopped_at!: string | null;
}

export class SwarmListDto {
  swarms!: SwarmDto[];
  total!: number;
  limit!: number;
  offset!: number;
}

export class SwarmRunDto {
  id!: string;
  swarm_id!: string;
  strategy!: string;
  /** `running`, `completed` or `failed`. */
  status!: string;
  result!: string | null;
  error_code!: string | null;
  error_message!: string | null;
  started_by!: string;
  started_at!: string;
  finished_at!: string | null;
  step_count!: number;
  input_tokens!: number;
  output_tokens!: number;
  /** In millionths of a US dollar, by the price table. */
  cost_micro_usd!: number;
}

export class SwarmRunListDto {
  runs!: SwarmRunDto[];
  total!: number;
  limit!: number;
  offset!: number;
}

export class SwarmStepDto {
  id!: string;
  agent_id!: string;
  /** `work`, `plan`, `review`, `proposal` or `vote`. */
  kind!: string;
  round!: number;
  position!: number;
  prompt!: string;
  /** `ready`, `running`, `completed` or `failed`. */
  status!: string;
  attempts!: number;
  output!: string | null;
  error_code!: string | null;
  error_message!: string | null;
  input_tokens!: number;
  output_tokens!: number;
  cost_micro_usd!: number;
  started_at!: string | null;
  finished_at!: string | null;
}

export class SwarmRunDetailsDto extends SwarmRunDto {
  steps!: SwarmStepDto[];
}
