import { Transform } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsNotEmpty, IsString, MaxLength } from 'class-validator';
import { SCOPES, type ScopeName } from '#libs/kernel';

export class CreateApiKeyDto {
  @Transform(({ value }: { value: unknown }): unknown => (typeof value === 'string' ? value.trim() : value))
  @IsString()
  @IsNotEmpty()
  @MaxLength(100)
  name!: string;

  /** What the key may do; never more than its maker may. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(SCOPES.length)
  @IsIn(SCOPES, { each: true })
  scopes!: ScopeName[];
}

export class ApiKeyDto {
  id!: string;
  name!: string;
  /** The first characters of the key, to recognise it by. */
  prefix!: string;
  scopes!: string[];
  /** Id of the user whose rights bound the key. */
  created_by!: string;
  /** ISO 8601, UTC. */
  created_at!: string;
  /** ISO 8601, UTC, to the minute; null before the first use. */
  last_used_at!: string | null;
}

export class CreatedApiKeyDto extends ApiKeyDto {
  /** The key itself. It is shown this once and can't be had again. */
  key!: string;
}

export class ApiKeyListDto {
  api_keys!: ApiKeyDto[];
  total!: number;
  limit!: number;
  offset!: number;
}
