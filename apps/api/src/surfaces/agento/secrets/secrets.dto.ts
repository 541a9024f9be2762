import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsObject, IsString } from 'class-validator';
import { IfPresent } from '../agento.validation.js';

export class ChangeSecretsDto {
  /**
   * Secrets to store, by name: `anthropic_api_key`, `openai_api_key`, `google_api_key`, `telegram_bot_token`,
   * `slack_bot_token` or `slack_app_token`, or the same in camelCase; and `mcp_…` for what `config.mcpServers` refers to.
   * Those not named stay as they are.
   */
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { anthropic_api_key: 'sk-ant-api03-AbCdEf' },
  })
  @IfPresent()
  @IsObject()
  secrets?: Record<string, unknown>;

  /** Names of secrets to delete */
  @ApiPropertyOptional({ type: [String], example: ['telegram_bot_token'] })
  @IfPresent()
  @IsArray()
  @ArrayMaxSize(50)
  @IsString({ each: true })
  deleteSecrets?: string[];
}

export class ChangedSecretsDto {
  @ApiProperty({ example: true })
  updated!: boolean;
  /** True when the agent runs. Keys of model providers and `mcp_…` act at once, all else after a restart. */
  needsRestart!: boolean;
}
