import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { type DataKey, Keyring, seal, unseal } from '#libs/crypto';
import type { Tx } from '#libs/database';
import { DomainError, type Scope } from '#libs/kernel';
import { type SealedSecret, SecretsRepository, type StoredKey } from './secrets.repository.js';

type Place = Pick<SealedSecret, 'ownerKind' | 'ownerId' | 'name' | 'version'>;

/** Seals and opens secrets with their organisation's data key. What is sealed opens only in its own place. */
@Injectable()
export class SecretVault {
  readonly keyring: Keyring;

  constructor(
    @Inject(SecretsRepository) private readonly repository: SecretsRepository,
    @Inject(CONFIG) config: Pick<Config, 'security'>,
  ) {
    this.keyring = new Keyring(config.security.masterKey, config.security.previousMasterKeys);
  }

  /** The organisation's newest data key, made on first use. Two first uses at once end up with the same key. */
  async currentKey(tx: Tx, scope: Scope): Promise<{ readonly version: number; readonly dataKey: DataKey }> {
    await this.repository.holdKeys(tx, scope);
    const key = (await this.repository.newestKey(tx, scope)) ?? (await this.firstKey(tx, scope));
    return { version: key.version, dataKey: this.keyring.open(key.wrapped, scope.orgId) };
  }

  seal(scope: Scope, dataKey: DataKey, place: Place, value: string): Buffer {
    return seal(dataKey, aad(scope, place), value);
  }

  /** @throws DomainError `internal` when the row was tampered with or belongs elsewhere. */
  open(scope: Scope, secret: SealedSecret): string {
    return unseal(this.keyring.open(secret.wrapped, scope.orgId), aad(scope, secret), secret.ciphertext);
  }

  private async firstKey(tx: Tx, scope: Scope): Promise<StoredKey> {
    await this.repository.addFirstKey(tx, scope, this.keyring.newDataKey(scope.orgId).wrapped);
    const key = await this.repository.newestKey(tx, scope);
    if (!key) throw new DomainError('internal', 'no_data_key', 'The organisation has no data key');
    return key;
  }
}

const aad = (scope: Scope, { ownerKind, ownerId, name, version }: Place): string =>
  [scope.orgId, ownerKind, ownerId, name, version].join('|');
