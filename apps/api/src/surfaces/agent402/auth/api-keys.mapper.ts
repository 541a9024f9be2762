import type { ApiKey, NewApiKey } from '#libs/identity';
import type { Page, PageRequest } from '#libs/kernel';
import { pageNumbers } from '../agent402.paging.js';
import type { ApiKeyDto, ApiKeyListDto, CreatedApiKeyDto } from './api-keys.dto.js';

export const toApiKey = (key: ApiKey): ApiKeyDto => ({
  id: key.id,
  name: key.name,
  prefix: key.prefix,
  scopes: [...key.scopes],
  created_by: key.createdBy,
  created_at: key.createdAt.toISOString(),
  last_used_at: key.lastUsedAt?.toISOString() ?? null,
});

export const toCreatedApiKey = (key: NewApiKey): CreatedApiKeyDto => ({ ...toApiKey(key), key: key.secret });

export const toApiKeyList = (page: Page<ApiKey>, request: PageRequest): ApiKeyListDto => ({
  api_keys: page.items.map(toApiKey),
  ...pageNumbers(page, request),
});
