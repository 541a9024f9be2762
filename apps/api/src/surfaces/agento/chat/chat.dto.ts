import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsISO8601, IsString, Length, Matches, Min, ValidateBy } from 'class-validator';
import { MESSAGE_MAX_LENGTH, PEER_ID_MAX_LENGTH } from '#libs/conversations';
import { IfPresent } from '../agento.validation.js';

const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

const IsTextOrObject = (): PropertyDecorator =>
  ValidateBy({
    name: 'isTextOrObject',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'string' || (typeof value === 'object' && value !== null && !Array.isArray(value)),
      defaultMessage: () => '$property must be text or an object',
    },
  });

export class SendMessageDto {
  /**
   * What to say to the agent
   * @example "What can you do for me?"
   */
  @IsString()
  @Length(1, MESSAGE_MAX_LENGTH)
  @Matches(/\S/, { message: '$property must not be blank' })
  message!: string;

  /** The session to go on with. Left out: the default session of the peer, or of the API key when there is no peer. */
  @ApiPropertyOptional({ example: 'sess_abc123' })
  @IfPresent()
  @IsString()
  @Length(1, 128)
  sessionId?: string;

  /** Your own name for the end user. Sessions and memory of different peers never mix. */
  @ApiPropertyOptional({ example: 'customer-42' })
  @IfPresent()
  @IsString()
  @Length(1, PEER_ID_MAX_LENGTH)
  @Matches(/\S/, { message: '$property must not be blank' })
  peerId?: string;

  /** What the agent should know about the end user: text, or fields that become one `key: value` line each. At most 2000 characters after formatting. */
  @ApiPropertyOptional({
    oneOf: [{ type: 'string' }, { type: 'object', additionalProperties: true }],
    example: { name: 'Alice', plan: 'Pro' },
  })
  @IfPresent()
  @IsTextOrObject()
  context?: string | Record<string, unknown>;

  /** What a lost connection means: `cancel` ends the run, `continue` lets it finish, to be read again by its run id. */
  @ApiPropertyOptional({ enum: ['cancel', 'continue'], default: 'cancel' })
  @IfPresent()
  @IsIn(['cancel', 'continue'])
  onDisconnect?: 'cancel' | 'continue';
}

export class HistoryQuery {
  /** Only messages of this session */
  @IfPresent()
  @IsString()
  @Length(1, 128)
  sessionId?: string;

  /** Only messages of this end user (ours, beyond the published contract). Left out: those of the key itself, without a peer */
  @IfPresent()
  @IsString()
  @Length(1, PEER_ID_MAX_LENGTH)
  peerId?: string;

  /** At most 200; more is answered with 200 */
  @ApiPropertyOptional({ default: 50, minimum: 1, maximum: 200 })
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  limit?: number;

  /** Only messages after this moment (ISO 8601) */
  @ApiPropertyOptional({ format: 'date-time', example: '2026-02-10T14:00:00.000Z' })
  @IfPresent()
  @IsISO8601({ strict: true })
  @Matches(TIME, { message: '$property must be a moment such as 2026-02-10T14:00:00.000Z' })
  since?: string;
}

export class ListSessionsQuery {
  /** Only sessions of this end user (ours, beyond the published contract) */
  @IfPresent()
  @IsString()
  @Length(1, PEER_ID_MAX_LENGTH)
  peerId?: string;
}

export class CreateSessionDto {
  /** A name to find the session by */
  @IfPresent()
  @IsString()
  @Length(1, 100)
  name?: string;

  /** The end user the session is for */
  @ApiPropertyOptional({ example: 'customer-42' })
  @IfPresent()
  @IsString()
  @Length(1, PEER_ID_MAX_LENGTH)
  @Matches(/\S/, { message: '$property must not be blank' })
  peerId?: string;
}

export class ChatMessageDto {
  @ApiProperty({ enum: ['user', 'assistant', 'system'], example: 'user' })
  role!: string;
  /** @example "Hello!" */
  content!: string;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:00.000Z' })
  timestamp!: string;
}

export class ChatSessionDto {
  /** @example "sess_abc123" */
  id!: string;
  @ApiProperty({ type: String, nullable: true, example: null })
  name!: string | null;
  /** @example "api" */
  channel!: string;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:00.000Z' })
  startedAt!: string;
}

export class CreatedSessionDto {
  /** @example "sess_def456" */
  id!: string;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T15:00:00.000Z' })
  startedAt!: string;
}

export class ChatRunDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;
  /** @example "sess_abc123" */
  sessionId!: string;
  @ApiProperty({ enum: ['running', 'completed', 'cancelled', 'failed', 'interrupted'], example: 'completed' })
  status!: string;
  @ApiProperty({ enum: ['cancel', 'continue'], example: 'cancel' })
  onDisconnect!: string;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:00.000Z' })
  startedAt!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-02-10T14:00:02.000Z' })
  finishedAt!: string | null;
  /** Why the run failed or was interrupted */
  @ApiProperty({ type: String, nullable: true, example: null })
  errorCode!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  errorMessage!: string | null;
}

/** A piece of the reply. */
export class ChatTextEventDto {
  @ApiProperty({ enum: ['text'], example: 'text' })
  type!: 'text';
  /** @example "I can help you with" */
  content!: string;
}

/** The reply is whole. */
export class ChatDoneEventDto {
  @ApiProperty({ enum: ['done'], example: 'done' })
  type!: 'done';
}

/** The turn failed; what was said before it did is kept. */
export class ChatErrorEventDto {
  @ApiProperty({ enum: ['error'], example: 'error' })
  type!: 'error';
  /** @example "The agent did not answer" */
  message!: string;
  /** @example "upstream_unavailable" */
  code!: string;
}

/** Every event of a turn, by its `type`. */
export const CHAT_EVENTS = { text: ChatTextEventDto, done: ChatDoneEventDto, error: ChatErrorEventDto };

export type ChatEventDto = ChatTextEventDto | ChatDoneEventDto | ChatErrorEventDto;
