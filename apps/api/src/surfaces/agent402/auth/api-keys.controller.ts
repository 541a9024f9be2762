import { Body, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiKeysService } from '#libs/identity';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { IdempotencyOf, type IdempotencySlot, Idempotent } from '../../../http/idempotency/idempotent.js';
import { Agent402Controller, Refuses } from '../agent402.openapi.js';
import { PageQuery, toPageRequest } from '../agent402.paging.js';
import { ApiKeyListDto, CreateApiKeyDto, CreatedApiKeyDto } from './api-keys.dto.js';
import { toApiKeyList, toCreatedApiKey } from './api-keys.mapper.js';

@Agent402Controller('API keys', 'api/v1/auth/api-keys', true)
export class ApiKeysController {
  constructor(@Inject(ApiKeysService) private readonly keys: ApiKeysService) {}

  /** Make an API key. It is shown this once: a repeat with the same `Idempotency-Key` is 409 and names the key's id. */
  @Post()
  @Idempotent('secret')
  @Refuses(409, 422)
  async createApiKey(
    @CallerOf() caller: Caller,
    @Body() body: CreateApiKeyDto,
    @IdempotencyOf() slot: IdempotencySlot | undefined,
  ): Promise<CreatedApiKeyDto> {
    return toCreatedApiKey(await this.keys.create(caller, body, slot?.resourceId));
  }

  /** The keys in use: for owners and admins all of the organisation's, for others their own. */
  @Get()
  @Refuses(422)
  async listApiKeys(@CallerOf() caller: Caller, @Query() query: PageQuery): Promise<ApiKeyListDto> {
    return toApiKeyList(await this.keys.list(caller, toPageRequest(query)), toPageRequest(query));
  }

  /** Revoke a key: it stops working at once. */
  @Delete(':id')
  @HttpCode(204)
  @Refuses(404)
  async revokeApiKey(@CallerOf() caller: Caller, @Param('id') id: string): Promise<void> {
    await this.keys.revoke(caller, id);
  }
}
