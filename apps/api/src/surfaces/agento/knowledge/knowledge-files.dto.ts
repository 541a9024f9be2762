import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsBase64, IsIn, IsInt, IsObject, IsString, IsUUID, Length, Max, Min } from 'class-validator';
import {
  CHARSET_MAX_LENGTH,
  CHUNK_TEXT_MAX_LENGTH,
  FILE_CHUNK_SIZE,
  FILE_CHUNK_SIZE_MIN,
  FILE_FORMATS,
  FILE_STATUSES,
  type FileFormat,
  type FileStatus,
  SOURCE_MAX_LENGTH,
} from '#libs/knowledge';
import { IfPresent } from '../agento.validation.js';
import { KnowledgeTargetQuery } from './knowledge.dto.js';

export class UploadKnowledgeFileDto {
  /** The swarm that shall know it. Give either this or agentId. */
  @ApiPropertyOptional({ format: 'uuid' })
  @IfPresent()
  @IsUUID()
  swarmId?: string;

  /** The agent that shall know it. When it belongs to a swarm, the swarm knows it. */
  @ApiPropertyOptional({ format: 'uuid' })
  @IfPresent()
  @IsUUID()
  agentId?: string;

  /**
   * Becomes the source of its entries; its ending says what it is
   * @example "docs/help.pdf"
   */
  @IsString()
  @Length(1, SOURCE_MAX_LENGTH)
  name!: string;

  /** The file in base64; at most 10 MiB of it */
  @ApiProperty({ format: 'byte', example: 'IyBIZWxwCgpSZXNldCB5b3VyIHBhc3N3b3JkIG9uIHRoZSBsb2dpbiBwYWdlLg==' })
  @IsString()
  @IsBase64()
  content!: string;

  /** What it is, where its name does not say so */
  @ApiPropertyOptional({ enum: FILE_FORMATS })
  @IfPresent()
  @IsIn(FILE_FORMATS)
  format?: FileFormat;

  /**
   * How its text is encoded; default: what its byte order mark or HTML says, else UTF-8
   * @example "windows-1252"
   */
  @IfPresent()
  @IsString()
  @Length(1, CHARSET_MAX_LENGTH)
  charset?: string;

  /** Characters an entry has at most */
  @ApiPropertyOptional({
    type: 'integer',
    minimum: FILE_CHUNK_SIZE_MIN,
    maximum: CHUNK_TEXT_MAX_LENGTH,
    default: FILE_CHUNK_SIZE,
  })
  @IfPresent()
  @IsInt()
  @Min(FILE_CHUNK_SIZE_MIN)
  @Max(CHUNK_TEXT_MAX_LENGTH)
  chunkSize?: number;

  /** For each of its entries; `type` becomes the type of the entry */
  @ApiPropertyOptional({ type: 'object', additionalProperties: true, example: { type: 'manual' } })
  @IfPresent()
  @IsObject()
  metadata?: Record<string, unknown>;
}

export class ListKnowledgeFilesQuery extends KnowledgeTargetQuery {
  /** More than 100 counts as 100 */
  @ApiPropertyOptional({ type: 'integer', default: 50 })
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  limit?: number;

  @ApiPropertyOptional({ type: 'integer', default: 0 })
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  offset?: number;
}

export class FileProgressDto {
  /** Entries handled so far */
  @ApiProperty({ type: 'integer', example: 40 })
  done!: number;
  /** Null until the file was read */
  @ApiProperty({ type: 'integer', nullable: true, example: 120 })
  total!: number | null;
  /** Of those done, what was new */
  @ApiProperty({ type: 'integer', example: 39 })
  stored!: number;
  /** Of those done, duplicates */
  @ApiProperty({ type: 'integer', example: 1 })
  skipped!: number;
}

export class FileErrorDto {
  /** @example "file_encrypted" */
  code!: string;
  /** @example "The PDF is encrypted; load it without its password protection" */
  message!: string;
}

export class KnowledgeFileDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  swarmId!: string | null;
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  agentId!: string | null;
  /** @example "docs/help.pdf" */
  name!: string;
  @ApiProperty({ enum: FILE_FORMATS, example: 'pdf' })
  format!: FileFormat;
  @ApiProperty({ type: 'integer', example: 52341 })
  sizeBytes!: number;
  /** Of a failed file nothing is kept but its error */
  @ApiProperty({ enum: FILE_STATUSES, example: 'loading' })
  status!: FileStatus;
  progress!: FileProgressDto;
  /** Why it failed, or why it waits for another try */
  @ApiProperty({ type: FileErrorDto, nullable: true })
  error!: FileErrorDto | null;
  @ApiProperty({ format: 'date-time', example: '2026-03-04T12:00:00.000Z' })
  createdAt!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  startedAt!: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  finishedAt!: string | null;
}

export class DeletedKnowledgeFileDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  /** @example true */
  deleted!: boolean;
  /** Entries that went with it */
  @ApiProperty({ type: 'integer', example: 120 })
  count!: number;
}
