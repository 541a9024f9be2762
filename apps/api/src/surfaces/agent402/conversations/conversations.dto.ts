import { Type } from 'class-transformer';
import { IsIn, IsInt, IsNotEmpty, IsOptional, IsString, IsUUID, Max, MaxLength, Min } from 'class-validator';
import {
  ADDED_MESSAGE_MAX_LENGTH,
  CONVERSATION_CHANNELS,
  CONVERSATION_STATUSES,
  type ConversationChannel,
  type ConversationStatus,
} from '#libs/conversations';
import { PageQuery } from '../agent402.paging.js';
import { BoundedJson, METADATA_BOUNDS } from '../bounded-json.js';
import { FreeText } from '../free-text.js';

const ROLES = ['user', 'assistant', 'system'] as const;

export class ListConversationsQuery extends PageQuery {
  @IsOptional()
  @IsUUID()
  agent_id?: string;

  /** Another one than the caller's own is refused. */
  @IsOptional()
  @IsUUID()
  workspace_id?: string;

  /** Without it all but the deleted. */
  @IsOptional()
  @IsIn(CONVERSATION_STATUSES)
  status?: ConversationStatus;
}

export class CreateConversationDto {
  @IsUUID()
  agent_id!: string;

  @IsOptional()
  @IsUUID()
  workspace_id?: string;

  /** A colleague it is begun for: owners and admins only. */
  @IsOptional()
  @IsUUID()
  user_id?: string;

  /** Default `api`. */
  @IsOptional()
  @IsIn(CONVERSATION_CHANNELS)
  channel?: ConversationChannel;

  /** The channel's own id of it, unique in the channel. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(255)
  channel_conversation_id?: string;

  @IsOptional()
  @FreeText()
  @IsString()
  @MaxLength(200)
  title?: string;

  @IsOptional()
  @BoundedJson(METADATA_BOUNDS)
  metadata?: Record<string, unknown>;
}

export class AddMessageDto {
  @IsIn(ROLES)
  role!: (typeof ROLES)[number];

  /** Without HTML: tags are taken out. */
  @FreeText()
  @IsString()
  @IsNotEmpty()
  @MaxLength(ADDED_MESSAGE_MAX_LENGTH)
  content!: string;

  @IsOptional()
  @BoundedJson(METADATA_BOUNDS)
  metadata?: Record<string, unknown>;
}

export class AttachAgentDto {
  @IsUUID()
  agent_id!: string;
}

export class ContextQueryDto {
  /** Most messages, the newest. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1000)
  limit?: number;

  /** Tokens (estimated) that all of it may have; 8,000 unless given. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(100)
  @Max(1_000_000)
  max_tokens?: number;
}

class SearchLimit {
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(50)
  limit?: number;
}

export class SearchQueryDto extends SearchLimit {
  /** What to look for, as it stands. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  query?: string;

  /** The same as `query`. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  q?: string;
}

export class SearchBodyDto extends SearchLimit {
  /** What to look for, as it stands. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  query!: string;
}

export class ConversationDto {
  id!: string;
  workspace_id!: string;
  agent_id!: string;
  /** The same as `agent_id`. */
  agent_swarm_instance_id!: string;
  user_id!: string | null;
  channel!: string;
  channel_conversation_id!: string | null;
  title!: string | null;
  /** `ACTIVE`, `ARCHIVED` or `DELETED`. */
  status!: string;
  conversation_metadata!: Record<string, unknown>;
  message_count!: number;
  /** ISO 8601, UTC. */
  created_at!: string;
  updated_at!: string;
  archived_at!: string | null;
  last_message_at!: string | null;
}

export class ConversationListDto {
  conversations!: ConversationDto[];
  total!: number;
  limit!: number;
  offset!: number;
}

export class MessageDto {
  id!: string;
  /** `user`, `assistant` or `system`. */
  role!: string;
  content!: string;
  /** ISO 8601, UTC. */
  timestamp!: string;
  metadata!: Record<string, unknown>;
}

export class MessageListDto {
  messages!: MessageDto[];
  total!: number;
  limit!: number;
  offset!: number;
}

export class ContextMessageDto {
  role!: string;
  content!: string;
}

export class ContextDto {
  conversation_id!: string;
  agent_id!: string;
  /** Oldest first; a summary of what is left out stands first, as a system message. */
  messages!: ContextMessageDto[];
  /** Of the whole conversation. */
  total_messages!: number;
  /** The conversation's own. */
  metadata!: Record<string, unknown>;
  /** Estimated, of `messages`. */
  tokens!: number;
  max_tokens!: number;
  /** Older messages that are not among `messages`. */
  omitted_messages!: number;
  /** `none`: nothing is left out; `ready`: all of that is summarised; `pending`: not yet, ask again shortly. */
  summary!: string;
}

export class MatchDto {
  content!: string;
  /** Above 1 when the text stands there as it was asked for. */
  score!: number;
  /** ISO 8601, UTC. */
  timestamp!: string;
}

export class MatchesDto {
  matches!: MatchDto[];
  query!: string;
  total_matches!: number;
}

export class SearchResultsDto {
  results!: MatchesDto;
}
