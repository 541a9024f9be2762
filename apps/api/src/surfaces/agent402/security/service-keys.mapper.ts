import { type Caller, DomainError } from '#libs/kernel';
import type { ProbeResult, ServiceKey, StoreKey } from '#libs/secrets';
import type {
  AddKeyDto,
  AddedKeyDto,
  DeletedKeyDto,
  KeyService,
  ProviderKeyDto,
  ServiceKeyDto,
  TestKeyDto,
  TestedKeyDto,
  VerifiedKeyDto,
} from './service-keys.dto.js';

export const toServiceKey = (key: ServiceKey): ServiceKeyDto => ({
  id: key.id,
  service_name: key.service,
  masked_key: key.maskedKey,
  created_at: key.createdAt.toISOString(),
  updated_at: key.updatedAt.toISOString(),
  is_active: key.isActive,
});

/** `/api-keys` replaces what is there. */
export const toReplacingKey = (service: KeyService, key: string): StoreKey => ({ service, key, replace: true });

export const toVerifiedKey = (service: KeyService, result: ProbeResult): VerifiedKeyDto => ({
  service_name: service,
  is_valid: result.verdict === 'valid',
  message: result.message,
});

export const toProviderKey = (key: ServiceKey): ProviderKeyDto => ({
  id: key.id,
  provider: key.service,
  masked_key: key.maskedKey,
  is_active: key.isActive,
  last_validated_at: key.lastValidatedAt?.toISOString() ?? null,
  created_at: key.createdAt.toISOString(),
});

/** @throws DomainError `forbidden` for another workspace than the caller's. */
export function toNewKey(caller: Caller, body: AddKeyDto): StoreKey {
  inOwnWorkspace(caller, body.workspace_id);
  return { service: body.provider, key: body.api_key, validate: body.validate ?? false };
}

export const toAddedKey = (caller: Caller, key: ServiceKey): AddedKeyDto => ({
  ...toProviderKey(key),
  workspace_id: caller.orgId,
  updated_at: key.updatedAt.toISOString(),
});

export const toDeletedKey = (id: string): DeletedKeyDto => ({
  success: true,
  message: 'API key deleted',
  deleted_id: id,
});

export const toTestedKey = ({ provider }: TestKeyDto, result: ProbeResult): TestedKeyDto => ({
  provider,
  is_valid: result.verdict === 'valid',
  message: result.message,
});

/** @throws DomainError `forbidden`. */
export function inOwnWorkspace(caller: Caller, workspaceId: string | undefined): Caller {
  if (workspaceId === undefined || workspaceId.toLowerCase() === caller.orgId) return caller;
  throw new DomainError('forbidden', 'forbidden', 'This workspace is not yours');
}
