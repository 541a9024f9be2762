import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsNotEmpty, IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { SERVICES, type ServiceName } from '#libs/secrets';

/** The services of `/api-keys`; `/settings/api-keys` knows more. */
export const KEY_SERVICES = ['anthropic', 'openai', 'cohere', 'huggingface'] as const;
export type KeyService = (typeof KEY_SERVICES)[number];

const trimmed = ({ value }: { value: unknown }): unknown => (typeof value === 'string' ? value.trim() : value);

export class ServiceParam {
  @ApiProperty({ enum: KEY_SERVICES })
  @IsIn(KEY_SERVICES)
  service!: KeyService;
}

export class StoreKeyDto {
  @Transform(trimmed)
  @IsString()
  @IsNotEmpty()
  @MaxLength(8_192)
  api_key!: string;
}

export class StoreNamedKeyDto extends StoreKeyDto {
  @ApiProperty({ enum: KEY_SERVICES })
  @IsIn(KEY_SERVICES)
  service_name!: KeyService;
}

export class ServiceKeyDto {
  id!: string;
  service_name!: string;
  /** Its known prefix and last four characters: `sk-ant-***…1234`. */
  masked_key!: string;
  /** ISO 8601, UTC. */
  created_at!: string;
  /** ISO 8601, UTC. */
  updated_at!: string;
  /** False once the service has refused it. */
  is_active!: boolean;
}

export class VerifiedKeyDto {
  service_name!: string;
  is_valid!: boolean;
  message!: string;
}

export class WorkspaceQuery {
  /** The caller's own workspace, which is what is meant without it. */
  @IsOptional()
  @IsUUID('all')
  workspace_id?: string;
}

export class TestKeyDto extends StoreKeyDto {
  @ApiProperty({ enum: SERVICES })
  @IsIn(SERVICES)
  provider!: ServiceName;
}

export class AddKeyDto extends TestKeyDto {
  @IsUUID('all')
  workspace_id!: string;

  /** Ask the provider first, and store only what it accepts. */
  @IsOptional()
  @IsBoolean()
  validate?: boolean;
}

export class ProviderKeyDto {
  id!: string;
  provider!: string;
  /** Its known prefix and last four characters: `sk-ant-***…1234`. */
  masked_key!: string;
  /** False once the provider has refused it. */
  is_active!: boolean;
  /** ISO 8601, UTC; null when the provider was never asked. */
  @ApiProperty({ type: String, nullable: true })
  last_validated_at!: string | null;
  /** ISO 8601, UTC. */
  created_at!: string;
}

export class AddedKeyDto extends ProviderKeyDto {
  workspace_id!: string;
  /** ISO 8601, UTC. */
  updated_at!: string;
}

export class DeletedKeyDto {
  success!: boolean;
  message!: string;
  deleted_id!: string;
}

export class TestedKeyDto {
  provider!: string;
  is_valid!: boolean;
  message!: string;
}
