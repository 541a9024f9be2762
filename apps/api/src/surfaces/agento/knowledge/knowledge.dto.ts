import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsObject,
  IsString,
  IsUUID,
  Length,
  Min,
  ValidateNested,
} from 'class-validator';
import {
  CHUNKS_MAX,
  CHUNK_TEXT_MAX_LENGTH,
  QUERY_MAX_LENGTH,
  SOURCE_MAX_LENGTH,
  TYPE_MAX_LENGTH,
} from '#libs/knowledge';
import { IfPresent } from '../agento.validation.js';

const FLAGS = ['true', 'false'] as const;
type Flag = (typeof FLAGS)[number];

const LONGEST_CURSOR = 200;

export class ChunkDto {
  /**
   * The text an agent can find
   * @example "Agento is a managed hosting platform for AI agents."
   */
  @IsString()
  @Length(1, CHUNK_TEXT_MAX_LENGTH)
  text!: string;

  /**
   * Where it comes from, for example a file's name
   * @example "docs/intro.md"
   */
  @IsString()
  @Length(1, SOURCE_MAX_LENGTH)
  source!: string;

  /** Anything to filter by later; `type` becomes the type of the entry */
  @ApiPropertyOptional({ type: 'object', additionalProperties: true, example: { type: 'faq' } })
  @IfPresent()
  @IsObject()
  metadata?: Record<string, unknown>;
}

export class IngestDto {
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

  @ApiProperty({ type: [ChunkDto], minItems: 1, maxItems: CHUNKS_MAX })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(CHUNKS_MAX)
  @ValidateNested({ each: true })
  @Type(() => ChunkDto)
  chunks!: ChunkDto[];
}

export class KnowledgeTargetQuery {
  /** The swarm whose knowledge it is. Give either this or agentId. */
  @ApiPropertyOptional({ format: 'uuid' })
  @IfPresent()
  @IsUUID()
  swarmId?: string;

  /** The agent whose knowledge it is; when it belongs to a swarm, the swarm's */
  @ApiPropertyOptional({ format: 'uuid' })
  @IfPresent()
  @IsUUID()
  agentId?: string;
}

export class ListKnowledgeQuery extends KnowledgeTargetQuery {
  /** Only entries from this source */
  @ApiPropertyOptional({ example: 'docs/intro.md' })
  @IfPresent()
  @IsString()
  @Length(1, SOURCE_MAX_LENGTH)
  source?: string;

  /** At most 100 */
  @ApiPropertyOptional({ type: 'integer', default: 50 })
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  limit?: number;

  /** The nextOffset of the answer before */
  @IfPresent()
  @IsString()
  @Length(1, LONGEST_CURSOR)
  offset?: string;
}

export class DeleteKnowledgeQuery extends KnowledgeTargetQuery {
  /** Delete all entries from this source */
  @IfPresent()
  @IsString()
  @Length(1, SOURCE_MAX_LENGTH)
  source?: string;

  /** Delete one entry */
  @ApiPropertyOptional({ format: 'uuid' })
  @IfPresent()
  @IsString()
  id?: string;

  /** `true` deletes all entries; needs confirm=true */
  @ApiPropertyOptional({ enum: FLAGS })
  @IfPresent()
  @IsIn(FLAGS)
  all?: Flag;

  @ApiPropertyOptional({ enum: FLAGS })
  @IfPresent()
  @IsIn(FLAGS)
  confirm?: Flag;
}

export class SearchKnowledgeQuery extends KnowledgeTargetQuery {
  /**
   * What to look for, in words of your own
   * @example "How do I host an agent?"
   */
  @IsString()
  @Length(1, QUERY_MAX_LENGTH)
  q!: string;

  /** Only entries from this source */
  @IfPresent()
  @IsString()
  @Length(1, SOURCE_MAX_LENGTH)
  source?: string;

  /** Only entries of this type */
  @IfPresent()
  @IsString()
  @Length(1, TYPE_MAX_LENGTH)
  type?: string;

  /** A JSON object that the entry's metadata must contain */
  @ApiPropertyOptional({ type: String, example: '{"lang":"en"}' })
  @IfPresent()
  @Transform(({ value }: { value: unknown }) => parsed(value))
  @IsObject()
  metadata?: Record<string, unknown>;

  /** At most 50 */
  @ApiPropertyOptional({ type: 'integer', default: 10 })
  @IfPresent()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  limit?: number;
}

export class IngestedDto {
  @ApiProperty({ type: 'integer', example: 2 })
  stored!: number;
  /** Duplicates */
  @ApiProperty({ type: 'integer', example: 0 })
  skipped!: number;
  @ApiProperty({ type: 'integer', example: 2 })
  total!: number;
}

export class KnowledgeEntryDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  /** @example "Agento is a managed hosting platform for AI agents." */
  text!: string;
  /** @example "docs/intro.md" */
  source!: string;
  /** @example "article" */
  type!: string;
  @ApiProperty({ format: 'date-time', example: '2026-03-04T12:00:00.000Z' })
  createdAt!: string;
  @ApiProperty({ format: 'date-time', example: '2026-03-04T12:00:00.000Z' })
  updatedAt!: string;
}

export class KnowledgeHitDto extends KnowledgeEntryDto {
  @ApiProperty({ type: 'object', additionalProperties: true })
  metadata!: Record<string, unknown>;
  /** Only good for comparing hits of one answer */
  @ApiProperty({ example: 0.0325 })
  score!: number;
  /** Cosine with the query; null when it was found by its words alone */
  @ApiProperty({ type: Number, nullable: true, example: 0.71 })
  similarity!: number | null;
}

export class KnowledgeCursorDto {
  /** Opaque; null at the end */
  @ApiProperty({ type: String, nullable: true })
  nextOffset!: string | null;
  /** @example true */
  hasMore!: boolean;
}

export class DeletedKnowledgeDto {
  /** @example true */
  deleted!: boolean;
  @ApiProperty({ type: 'integer', example: 3 })
  count!: number;
}

function parsed(value: unknown): unknown {
  try {
    return typeof value === 'string' ? JSON.parse(value) : value;
  } catch {
    return value;
  }
}
