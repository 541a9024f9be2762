import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, type AuditEventType } from '#libs/audit';
import { Database, type Tx } from '#libs/database';
import { Notices } from '#libs/events';
import {
  type Caller,
  DomainError,
  type Page,
  type PageRequest,
  type ScopeName,
  isUuid,
  madeBefore,
  newId,
  notFound,
  requireScope,
  roleAtLeast,
} from '#libs/kernel';
import { CREDENTIAL_TOPIC, hashOfKey } from '../credentials/credential.service.js';
import type { ApiKey } from './api-key.js';
import { ApiKeyRepository } from './api-key.repository.js';

const MOST_KEYS = 500;
const PREFIX_LENGTH = 'ak_live_'.length + 8;

/** A key just made; `secret` is shown this once. */
export type NewApiKey = ApiKey & { readonly secret: string };

/** API keys: made by users, never stronger than their maker, found again by hash only. */
@Injectable()
export class ApiKeysService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(ApiKeyRepository) private readonly keys: ApiKeyRepository,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  /**
   * @param id - for a request that may be repeated: when there is such a key already, the repeat is refused.
   * @throws DomainError `forbidden` for a caller who is no user or lacks a scope, `plan_limit` at 500 keys, `conflict`.
   */
  async create(
    caller: Caller,
    wish: { readonly name: string; readonly scopes: readonly ScopeName[] },
    id: string = newId(),
  ): Promise<NewApiKey> {
    const createdBy = userOf(caller);
    wish.scopes.forEach((scope) => requireScope(caller, scope));
    const { key, secret, hash } = mintApiKey(createdBy, wish.name, [...new Set(wish.scopes)], id);
    const createdAt = await this.database.transaction(async (tx) => {
      if ((await this.keys.countLocked(tx, caller)) >= MOST_KEYS) throw tooManyKeys();
      const madeAt = await this.keys.insert(tx, caller, key, hash);
      if (!madeAt) throw madeBefore(id);
      await this.note(tx, caller, 'TOKEN_ISSUED', key.id, { name: wish.name, scopes: key.scopes.join(' ') });
      return madeAt;
    });
    return { ...key, createdAt, lastUsedAt: null, secret };
  }

  /** Owners and admins see every key of the organisation, others their own. */
  list(caller: Caller, page: PageRequest): Promise<Page<ApiKey>> {
    return this.keys.list(this.database, caller, onlyMaker(caller), page);
  }

  /** The key stops working on every replica. @throws DomainError `not_found`. */
  async revoke(caller: Caller, id: string): Promise<void> {
    const makerId = onlyMaker(caller);
    await this.database.transaction(async (tx) => {
      if (!isUuid(id) || !(await this.keys.revoke(tx, caller, makerId, id))) throw notFound('API key');
      await this.note(tx, caller, 'TOKEN_REVOKED', id, {});
      this.notices.notifyAfter(tx, CREDENTIAL_TOPIC, `key:${id}`);
    });
  }

  private note(
    tx: Tx,
    caller: Caller,
    type: AuditEventType,
    id: string,
    metadata: Readonly<Record<string, string>>,
  ): Promise<void> {
    const action = type === 'TOKEN_ISSUED' ? 'api_key.create' : 'api_key.revoke';
    const { subject } = caller;
    return this.audit.append(tx, caller, { type, subject, action, resource: `key:${id}`, result: 'success', metadata });
  }

  /** Deletes what was revoked over 30 days ago, a bounded batch at a time. */
  sweep(batch: number): Promise<void> {
    return this.keys.sweep(this.database, batch);
  }
}

/** A new key: `ak_live_` and 32 hex digits (128 random bits). */
export function mintApiKey(
  createdBy: string,
  name: string,
  scopes: readonly ScopeName[],
  id: string = newId(),
): { key: Omit<ApiKey, 'createdAt' | 'lastUsedAt'>; secret: string; hash: Buffer } {
  const secret = `ak_live_${randomBytes(16).toString('hex')}`;
  const key = { id, name, prefix: secret.slice(0, PREFIX_LENGTH), scopes, createdBy };
  return { key, secret, hash: hashOfKey(secret) };
}

function userOf(caller: Caller): string {
  if (caller.kind !== 'user' || caller.userId === undefined) {
    throw new DomainError('forbidden', 'forbidden', 'Only users manage API keys');
  }
  return caller.userId;
}

const onlyMaker = (caller: Caller): string | undefined => {
  const userId = userOf(caller);
  return roleAtLeast(caller.role, 'ADMIN') ? undefined : userId;
};

const tooManyKeys = (): DomainError =>
  new DomainError('plan_limit', 'plan_limit_reached', `An organisation can have at most ${MOST_KEYS} API keys`, {
    limit: MOST_KEYS,
  });
