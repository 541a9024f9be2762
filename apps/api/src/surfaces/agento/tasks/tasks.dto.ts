import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsString, Length, Matches, Max, MaxLength, Min } from 'class-validator';
import {
  SETTABLE_STATUSES,
  type SettableStatus,
  TASK_PRIORITIES,
  TASK_STATUSES,
  TASK_TEXT_MAX_LENGTH,
  TASK_TITLE_MAX_LENGTH,
  type TaskPriority,
  type TaskStatus,
} from '#libs/tasks';
import { IfPresent } from '../agento.validation.js';

/** What Postgres cannot hold. */
const STORABLE = /^[^\0]*$/;
const STORABLE_MESSAGE = { message: '$property must not hold NUL characters' };

export class ListTasksQuery {
  /** Only tasks in this state */
  @ApiPropertyOptional({ enum: TASK_STATUSES })
  @IfPresent()
  @IsIn(TASK_STATUSES)
  status?: TaskStatus;

  /** At most 100 */
  @ApiPropertyOptional({ type: 'integer', default: 50 })
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  limit?: number;

  /** Rows to pass over */
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  offset?: number;
}

export class CreateTaskDto {
  /** @example "Answer the e-mail of the printer's maker" */
  @IsString()
  @Length(1, TASK_TITLE_MAX_LENGTH)
  @Matches(/\S/, { message: '$property must not be blank' })
  @Matches(STORABLE, STORABLE_MESSAGE)
  title!: string;

  /** All the agent needs to know to do it */
  @IfPresent()
  @IsString()
  @MaxLength(TASK_TEXT_MAX_LENGTH)
  @Matches(STORABLE, STORABLE_MESSAGE)
  description?: string;

  @ApiPropertyOptional({ enum: TASK_PRIORITIES, default: 'normal' })
  @IfPresent()
  @IsIn(TASK_PRIORITIES)
  priority?: TaskPriority;
}

export class UpdateTaskDto {
  @IfPresent()
  @IsString()
  @Length(1, TASK_TITLE_MAX_LENGTH)
  @Matches(/\S/, { message: '$property must not be blank' })
  @Matches(STORABLE, STORABLE_MESSAGE)
  title?: string;

  @IfPresent()
  @IsString()
  @MaxLength(TASK_TEXT_MAX_LENGTH)
  @Matches(STORABLE, STORABLE_MESSAGE)
  description?: string;

  @ApiPropertyOptional({ enum: TASK_PRIORITIES })
  @IfPresent()
  @IsIn(TASK_PRIORITIES)
  priority?: TaskPriority;

  /** `queued` gives a failed or cancelled task to the agent again */
  @ApiPropertyOptional({ enum: SETTABLE_STATUSES })
  @IfPresent()
  @IsIn(SETTABLE_STATUSES)
  status?: SettableStatus;
}

export class TaskDto {
  @ApiProperty({ format: 'uuid', example: 'c1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  agentId!: string | null;
  /** @example "Answer the e-mail of the printer's maker" */
  title!: string;
  description!: string;
  @ApiProperty({ enum: TASK_PRIORITIES, example: 'normal' })
  priority!: string;
  @ApiProperty({ enum: TASK_STATUSES, example: 'queued' })
  status!: string;
  /** Any JSON value; null until the agent has reported one */
  @ApiProperty({ nullable: true, oneOf: [{ type: 'string' }, { type: 'object', additionalProperties: true }] })
  result!: unknown;
  /** Why it failed */
  @ApiProperty({ type: String, nullable: true })
  error!: string | null;
  /** Who made it */
  @ApiProperty({ enum: ['user', 'agent'] })
  createdBy!: 'user' | 'agent';
  /** The end user in whose chat the agent made it */
  @ApiProperty({ type: String, nullable: true })
  peerId!: string | null;
  @ApiProperty({ format: 'date-time' })
  createdAt!: string;
  @ApiProperty({ format: 'date-time' })
  updatedAt!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  startedAt!: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  completedAt!: string | null;
}
