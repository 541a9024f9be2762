import { Body, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { ServiceKeysService } from '#libs/secrets';
import { CallerOf } from '../../../http/caller-of.js';
import { Agent402Controller, Refuses } from '../agent402.openapi.js';
import {
  AddKeyDto,
  AddedKeyDto,
  DeletedKeyDto,
  ProviderKeyDto,
  TestKeyDto,
  TestedKeyDto,
  WorkspaceQuery,
} from './service-keys.dto.js';
import {
  inOwnWorkspace,
  toAddedKey,
  toDeletedKey,
  toNewKey,
  toProviderKey,
  toTestedKey,
} from './service-keys.mapper.js';

@Agent402Controller('Service keys', 'api/v1/settings/api-keys', true)
export class ProviderKeysController {
  constructor(@Inject(ServiceKeysService) private readonly keys: ServiceKeysService) {}

  /** The keys your workspace has for providers, masked. */
  @Get()
  @Refuses(422)
  async listProviderKeys(@CallerOf() caller: Caller, @Query() query: WorkspaceQuery): Promise<ProviderKeyDto[]> {
    return (await this.keys.list(inOwnWorkspace(caller, query.workspace_id))).map(toProviderKey);
  }

  /** Add a key for a provider that has none yet; with `validate` only one that the provider accepts. */
  @Post()
  @Refuses(400, 422)
  async addProviderKey(@CallerOf() caller: Caller, @Body() body: AddKeyDto): Promise<AddedKeyDto> {
    return toAddedKey(caller, await this.keys.store(caller, toNewKey(caller, body)));
  }

  /** Ask a provider whether it accepts a key, which is not stored. */
  @Post('test')
  @HttpCode(200)
  @Refuses(422)
  async testProviderKey(@CallerOf() caller: Caller, @Body() body: TestKeyDto): Promise<TestedKeyDto> {
    return toTestedKey(body, await this.keys.test(caller, body.provider, body.api_key));
  }

  /** Remove a key. Agents that called with it are refused at once. */
  @Delete(':id')
  @Refuses(404)
  async removeProviderKey(@CallerOf() caller: Caller, @Param('id') id: string): Promise<DeletedKeyDto> {
    return this.keys.remove(caller, id).then(() => toDeletedKey(id));
  }
}
